package main

import (
	"context"
	"errors"
	"net/url"

	"github.com/spf13/cobra"

	"revento-alerts/shared/api"
	"revento-alerts/shared/deletion"
)

func newDeletions(w world) *cobra.Command {
	command := &cobra.Command{
		Use:   "deletions",
		Short: "Look at what Revento wanted deleted, and act on it",
		Long: `Look at what Revento wanted deleted (data.deletion_required), and act on it.

Each is done by itself when its time of grace is over. One that names a user, or no connection, is held: nothing is stopped and
nothing is deleted until a person has looked; 'close' ends it with a note of what was done.`,
		Args: usage(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(newDeletionsList(w), newDeletionsShow(w), newDeletionsNow(w), newDeletionsClose(w))
	return command
}

func newDeletionsList(w world) *cobra.Command {
	return operatorCommand(w, &cobra.Command{
		Use:   "list",
		Short: "List all deletions, the latest request first",
		Args:  usage(cobra.NoArgs),
	}, func(ctx context.Context, client *api.Client, _ []string) error {
		var list api.Deletions
		if err := client.Get(ctx, "deletions", &list); err != nil {
			return err
		}
		return deletion.WriteList(w.out, list.Deletions)
	})
}

func newDeletionsShow(w world) *cobra.Command {
	return operatorCommand(w, &cobra.Command{
		Use:   "show <id>",
		Short: "Print a deletion's statement, which can be handed to Revento or an auditor",
		Args:  usage(oneDeletion),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		var shown api.Deletion
		if err := client.Get(ctx, deletionPath(arguments[0]), &shown); err != nil {
			return err
		}
		w.printf("%s", shown.Statement)
		return nil
	})
}

func newDeletionsNow(w world) *cobra.Command {
	return operatorCommand(w, &cobra.Command{
		Use:   "now <id>",
		Short: "Delete now what is not due yet, or start again what stands still",
		Args:  usage(oneDeletion),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		var queued api.Deletion
		if err := client.Post(ctx, deletionPath(arguments[0])+"/now", struct{}{}, &queued); err != nil {
			return err
		}
		w.printf("The purge of deletion %s is queued. 'revento-alerts deletions show %s' says when it is finished.\n", queued.ID, queued.ID)
		return nil
	})
}

func newDeletionsClose(w world) *cobra.Command {
	var note string
	command := operatorCommand(w, &cobra.Command{
		Use:     "close <id> --note TEXT",
		Short:   "End a held request with a note of what was done",
		Example: `  revento-alerts deletions close 0f3c --note "user data deleted by hand in the CRM, ticket 4711"`,
		Args:    usage(oneDeletion),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		var closed api.Deletion
		asked := map[string]string{"note": note}
		if err := client.Post(ctx, deletionPath(arguments[0])+"/close", asked, &closed); err != nil {
			return err
		}
		w.printf("Deletion %s is closed.\n", closed.ID)
		return nil
	})
	command.Flags().StringVar(&note, "note", "", "what was done, without personal data; it is kept with the deletion")
	return command
}

func deletionPath(id string) string { return "deletions/" + url.PathEscape(id) }

func oneDeletion(_ *cobra.Command, arguments []string) error {
	if len(arguments) != 1 || arguments[0] == "" {
		return errors.New("name one deletion by its id or the id's beginning: 'revento-alerts deletions list' shows them")
	}
	return nil
}
