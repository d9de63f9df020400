package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/operate/api"
)

func newConnections(w world) *cobra.Command {
	return group(&cobra.Command{
		Use:   "connections",
		Short: "Connect events with Revento, and look at how their connections do",
		Long: `Connect events with Revento, and look at how their connections do.

A connection lets alerts ask Revento, and not only listen: an organizer consents to it, by a link that 'link' makes. Each is named by its
event's id.`,
	}, newConnectionsList(w), newConnectionsShow(w), newConnectionsLink(w), newConnectionsProbe(w), newConnectionsDisconnect(w))
}

// addJSONFlag lets a command print its facts for programs.
func addJSONFlag(command *cobra.Command, asJSON *bool) {
	command.Flags().BoolVar(asJSON, "json", false, "print it as JSON")
}

// printJSON prints facts for programs.
func printJSON(w world, facts any) error {
	encoder := json.NewEncoder(w.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(facts)
}

func connectionPath(eventID, what string) string {
	return strings.TrimSuffix("connections/"+url.PathEscape(eventID)+"/"+what, "/")
}

func newConnectionsList(w world) *cobra.Command {
	var asJSON bool
	command := operatorCommand(w, &cobra.Command{
		Use:   "list",
		Short: "List all connections",
		Args:  usage(cobra.NoArgs),
	}, func(ctx context.Context, client *api.Client, _ []string) error {
		var list api.Connections
		if err := client.Get(ctx, "connections", &list); err != nil {
			return err
		}
		if asJSON {
			return printJSON(w, list.Connections)
		}
		return life.WriteList(w.out, list.Connections)
	})
	addJSONFlag(command, &asJSON)
	return command
}

func newConnectionsShow(w world) *cobra.Command {
	var asJSON bool
	command := operatorCommand(w, &cobra.Command{
		Use:     "show <event id>",
		Short:   "Print all that is known of a connection, but for its tokens",
		Example: `  revento-alerts connections show evt_abc123`,
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		var view life.View
		if err := client.Get(ctx, connectionPath(arguments[0], ""), &view); err != nil {
			return err
		}
		return printView(w, view, asJSON)
	})
	addJSONFlag(command, &asJSON)
	return command
}

func printView(w world, view life.View, asJSON bool) error {
	if asJSON {
		return printJSON(w, view)
	}
	return life.WriteView(w.out, view)
}

func newConnectionsLink(w world) *cobra.Command {
	return operatorCommand(w, &cobra.Command{
		Use:   "link <event id>",
		Short: "Make the link by which the event's organizer connects it, within seven days",
		Long: `Make the link by which the event's organizer connects it, within seven days.

It is printed alone on a line. Whoever has it can consent for an organization that manages the event, and for nobody else.`,
		Example: `  revento-alerts connections link evt_abc123`,
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		var made api.Link
		if err := client.Post(ctx, connectionPath(arguments[0], "link"), struct{}{}, &made); err != nil {
			return err
		}
		w.printf("%s\n", made.Link)
		return nil
	})
}

func newConnectionsProbe(w world) *cobra.Command {
	var asJSON bool
	command := operatorCommand(w, &cobra.Command{
		Use:   "probe <event id>",
		Short: "Look at a connection now, whatever the schedule, and end with 1 where it does not work",
		Args:  usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		var view life.View
		if err := client.Post(ctx, connectionPath(arguments[0], "probe"), struct{}{}, &view); err != nil {
			return err
		}
		if err := printView(w, view, asJSON); err != nil {
			return err
		}
		if !view.IsWell() {
			return fmt.Errorf("the connection of %s does not work", view.EventID)
		}
		return nil
	})
	addJSONFlag(command, &asJSON)
	return command
}

func newConnectionsDisconnect(w world) *cobra.Command {
	sure := &consent{world: w}
	command := operatorCommand(w, &cobra.Command{
		Use:   "disconnect <event id>",
		Short: "End a connection: erase its tokens now, and what is kept of it after the time of grace",
		Long: `End a connection: its tokens are erased at once, and what is kept of it is deleted as if Revento had required it, when the time of
grace is over. Revento is not told: no call for it is known. An organizer can connect the event anew.`,
		Args: usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		var view life.View
		if err := client.Get(ctx, connectionPath(arguments[0], ""), &view); err != nil {
			return err
		}
		question := fmt.Sprintf("Event %s, organization %s: erase the connection's tokens now, and delete what is kept of it after the time of grace?",
			view.EventID, view.OrganizationID)
		if !sure.to(question) {
			return errors.New("nothing was ended: answer y, or give --yes")
		}
		if err := client.Post(ctx, connectionPath(arguments[0], "disconnect"), struct{}{}, &view); err != nil {
			return err
		}
		return life.WriteView(w.out, view)
	})
	return sure.before(command, "connections show")
}
