package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"revento-alerts/shared/connection/grant"
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
	}, newConnectionsList(w), newConnectionsShow(w), newConnectionsLink(w), newConnectionsProbe(w), newConnectionsSync(w),
		newConnectionsAccept(w), newConnectionsDisconnect(w))
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

func newConnectionsSync(w world) *cobra.Command {
	var asJSON bool
	command := operatorCommand(w, &cobra.Command{
		Use:   "sync <event id>",
		Short: "Read all that Revento knows of an event now, whatever the schedule, and end with 1 where that failed",
		Long: `Read all that Revento knows of an event now, whatever the schedule, wait until it is read and judged, and end with 1 where that failed.

At Revento's limits 5,000 participants take about eleven minutes. Where it is being read already, that is waited for.`,
		Args: usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		synced, err := readAll(ctx, client, arguments[0], syncPollTime)
		if err != nil {
			return err
		}
		if err := printView(w, synced.View, asJSON); err != nil {
			return err
		}
		return wantRead(synced)
	})
	addJSONFlag(command, &asJSON)
	return command
}

// syncPollTime is how often one looks whether a pass has ended.
const syncPollTime = 500 * time.Millisecond

// readAll has all that Revento knows of an event read, looks from time to time whether that has ended, and returns how it stands then.
func readAll(ctx context.Context, client *api.Client, eventID string, between time.Duration) (life.Synced, error) {
	var synced life.Synced
	if err := client.Post(ctx, connectionPath(eventID, "sync"), struct{}{}, &synced); err != nil {
		return life.Synced{}, err
	}
	for !synced.IsDone(synced.Awaited, time.Now()) {
		if err := grant.Wait(ctx, between); err != nil {
			return life.Synced{}, fmt.Errorf("wait for pass %d, which goes on: %w", synced.Awaited, err)
		}
		var view life.View
		if err := client.Get(ctx, connectionPath(eventID, ""), &view); err != nil {
			return life.Synced{}, err
		}
		synced.View = view
		if !view.IsWell() && !view.IsReading() {
			break // nobody reads any more
		}
	}
	return synced, nil
}

// wantRead returns an error where the pass that was waited for is not complete.
func wantRead(synced life.Synced) error {
	if !synced.IsRead(synced.Awaited) {
		return fmt.Errorf("not all of %s was read", synced.EventID)
	}
	return nil
}

func newConnectionsAccept(w world) *cobra.Command {
	var asJSON bool
	command := operatorCommand(w, &cobra.Command{
		Use:   "accept <event id>:<pass>",
		Short: "Let participants go whom a pass did not see, where they were so many that it was held",
		Long: `Let participants go whom a pass did not see, where they were so many, or the list so odd, that nobody was declared gone by it.

What was held, and its pass, stand in 'connections show'. They go at the next pass that does not see them either, which begins now; what is
not confirmed within two days is held again.`,
		Example: `  revento-alerts connections accept evt_abc123:7`,
		Args:    usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		eventID, number, err := heldPass(arguments[0])
		if err != nil {
			return err
		}
		var view life.View
		if err := client.Post(ctx, connectionPath(eventID, "accept"), api.Accepted{Pass: number}, &view); err != nil {
			return err
		}
		return printView(w, view, asJSON)
	})
	addJSONFlag(command, &asJSON)
	return command
}

// heldPass reads an event's id and a pass's number, with a colon between them.
func heldPass(text string) (eventID string, number int64, err error) {
	at := strings.LastIndex(text, ":")
	if at > 0 {
		number, err = strconv.ParseInt(text[at+1:], 10, 64)
	}
	if at <= 0 || err != nil || number < 1 {
		return "", 0, usageError{fmt.Errorf("%q names no pass: write the event's id, a colon and the pass's number, as in evt_abc123:7", text)}
	}
	return text[:at], number, nil
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
