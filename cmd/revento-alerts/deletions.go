package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/legible"
	"revento-alerts/shared/operate/api"
)

func newDeletions(w world) *cobra.Command {
	return group(&cobra.Command{
		Use:   "deletions",
		Short: "Look at what Revento wanted deleted, and act on it",
		Long: `Look at what Revento wanted deleted (data.deletion_required), and act on it.

Each is done by itself when its time of grace is over. One that names a person, or no connection, is held: nothing is stopped and
nothing is deleted until a person has looked; 'close' ends it with a note of what was done. One whose data holds what the setting
DeletionFields does not name stops its connection and is held: 'now' has it done, and 'close' lets the data flow again.`,
	}, newDeletionsList(w), newDeletionsShow(w), newDeletionsNow(w), newDeletionsClose(w))
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
	var table string
	command := operatorCommand(w, &cobra.Command{
		Use:   "show <id>",
		Short: "Print a deletion's statement, which can be handed to Revento or an auditor",
		Example: `  revento-alerts deletions show 0f3c9b1e22aa4d07 --stack revento-alerts
  revento-alerts deletions show 0f3c9b1e22aa4d07 --table revento-alerts-DeletionsTable-1A2B3C   # after sam delete`,
		Args: usage(oneDeletion),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		var shown api.Deletion
		if err := client.Get(ctx, deletionPath(arguments[0]), &shown); err != nil {
			return err
		}
		w.printf("%s", shown.Statement)
		return nil
	})
	command.Flags().StringVar(&table, "table", "", "name of a deletions table that was kept when its stack was deleted")
	ofInstallation := command.RunE
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if table == "" {
			return ofInstallation(command, arguments)
		}
		if command.Flags().Changed("data") || command.Flags().Changed("stack") {
			return hinted(command, errors.New("--table stands alone: it is what is left of a stack"))
		}
		return showFromTable(command.Context(), w, table, arguments[0])
	}
	return command
}

// showFromTable prints a statement from a table alone.
func showFromTable(ctx context.Context, w world, table, id string) error {
	loaded, err := loadAWS(ctx)
	if err != nil {
		return err
	}
	operator := deletion.Operator{Deletions: dynamodb.NewDeletions(loaded, table)}
	entry, err := operator.Find(ctx, id)
	if err != nil {
		return err
	}
	return deletion.WriteStatement(w.out, entry.Value, "table "+table)
}

func newDeletionsNow(w world) *cobra.Command {
	sure := &consent{world: w}
	var command *cobra.Command
	command = operatorCommand(w, &cobra.Command{
		Use:   "now <id>",
		Short: "Delete now what is not due yet, what a person confirms, or start again what stands still",
		Long: `Delete now what is not due yet, what a person confirms, or start again what stands still. What is deleted cannot be brought back:
it names the connection, its date and how many records would go, and asks, unless --yes is given.`,
		Example: `  revento-alerts deletions now 0f3c9b1e22aa4d07 --yes`,
		Args:    usage(oneDeletion),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		var preview api.DeletionPreview
		if err := client.Get(ctx, deletionPath(arguments[0])+"/now", &preview); err != nil {
			return err
		}
		if !sure.to(questionOf(preview)) {
			return errors.New("nothing was deleted: answer y, or give --yes")
		}
		var queued api.Deletion
		if err := client.Post(ctx, deletionPath(preview.ID)+"/now", struct{}{}, &queued); err != nil {
			return err
		}
		w.printf("The purge of deletion %s is queued. '%s' says when it is finished.\n",
			queued.ID, reached(command).Command("deletions show "+queued.ID))
		return nil
	})
	return sure.before(command, "deletions show")
}

// questionOf says what would be deleted.
func questionOf(p api.DeletionPreview) string {
	due := ""
	if !p.Due.IsZero() {
		due = ", due at " + legible.Time(p.Due)
	}
	return fmt.Sprintf("Deletion %s, event %s, organization %s%s: delete the %d records of what happened up to %s, for good?",
		p.ID, p.EventID, p.OrganizationID, due, p.Records, legible.Exact(p.Cutoff))
}

func newDeletionsClose(w world) *cobra.Command {
	var note, user string
	command := operatorCommand(w, &cobra.Command{
		Use:   "close <id> --note TEXT [--user ID]",
		Short: "End a held request with a note of what was done",
		Example: `  revento-alerts deletions close 0f3c9b1e22aa4d07 --note "user data deleted by hand in the CRM, ticket 4711"
  revento-alerts deletions close 0f3c9b1e22aa4d07 --user usr_def456 --note "deleted here and in the CRM, ticket 4712"`,
		Args: usage(oneDeletion),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		var closed api.Deletion
		asked := map[string]string{"note": note, "user": user}
		if err := client.Post(ctx, deletionPath(arguments[0])+"/close", asked, &closed); err != nil {
			return err
		}
		w.printf("Deletion %s is closed.\n", closed.ID)
		return nil
	})
	command.Flags().StringVar(&note, "note", "", "what was done, without personal data; it is kept with the deletion")
	command.Flags().StringVar(&user, "user", "", "delete what is kept of this user or participant, by the id that Revento gave; it is not kept")
	return command
}

func deletionPath(id string) string { return "deletions/" + url.PathEscape(id) }

func oneDeletion(command *cobra.Command, arguments []string) error {
	if len(arguments) != 1 || arguments[0] == "" {
		return fmt.Errorf("name one deletion by its id, or its first 8 characters or more: '%s' shows them",
			reached(command).Command("deletions list"))
	}
	return nil
}
