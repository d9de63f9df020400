package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/ground/legible"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/attendance"
)

func newParticipants(w world) *cobra.Command {
	return group(&cobra.Command{
		Use:   "participants",
		Short: "Tell who attends an event that is connected, and check in who comes",
		Long: `Tell who attends an event that is connected, and check in who comes.

Revento is not asked: what is told is what its webhooks and the last full look at the event showed. 'connections sync' looks anew.`,
	}, newParticipantsList(w), newParticipantsCount(w), newParticipantsCheckIn(w))
}

// chosen are the flags that choose participants, and how they are printed.
type chosen struct {
	event        string
	here         bool
	since, until string
	json, csv    bool
}

func (c *chosen) flags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&c.event, "event", "", "the event's id")
	flags.BoolVar(&c.here, "here", false, "those who have checked in")
	flags.StringVar(&c.since, "since", "", "those who became registered at that moment or later, such as 2026-05-09 or 2026-05-09T12:00:00Z")
	flags.StringVar(&c.until, "until", "", "those who became registered before that moment")
	addJSONFlag(command, &c.json)
	flags.BoolVar(&c.csv, "csv", false, "print it as CSV")
	command.PreRunE = func(command *cobra.Command, _ []string) error {
		if _, err := c.query(); err != nil {
			return hinted(command, err)
		}
		return nil
	}
}

// query is what the API is asked.
func (c *chosen) query() (url.Values, error) {
	switch {
	case c.event == "":
		return nil, errors.New("--event has to name the event, such as --event evt_abc123")
	case c.json && c.csv:
		return nil, errors.New("--json and --csv are two forms: give one")
	}
	asked := url.Values{"event_id": {c.event}}
	if c.here {
		asked.Set("here", "true")
	}
	for name, text := range map[string]string{"since": c.since, "until": c.until} {
		if text == "" {
			continue
		}
		at, err := momentOf(text)
		if err != nil {
			return nil, fmt.Errorf("--%s %q: %w", name, text, err)
		}
		asked.Set(name, at.Format(time.RFC3339))
	}
	return asked, nil
}

// momentOf reads a moment, or a day, which begins at midnight UTC.
func momentOf(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errors.New("write a day or a moment, such as 2026-05-09 or 2026-05-09T12:00:00Z")
}

func newParticipantsList(w world) *cobra.Command {
	var c chosen
	command := operatorCommand(w, &cobra.Command{
		Use:   "list --event <event id>",
		Short: "List an event's participants, those who cancelled among them",
		Example: `  revento-alerts participants list --event evt_abc123
  revento-alerts participants list --event evt_abc123 --here --csv`,
		Args: usage(cobra.NoArgs),
	}, func(ctx context.Context, client *api.Client, _ []string) error {
		list, err := c.list(ctx, client)
		switch {
		case err != nil:
			return err
		case c.json:
			return printJSON(w, list)
		case c.csv: // its line ends are not for people
			return attendance.WriteListCSV(w.screen, list)
		default:
			return attendance.WriteList(w.out, list)
		}
	})
	c.flags(command)
	return command
}

// list asks for page after page.
func (c *chosen) list(ctx context.Context, client *api.Client) ([]attendance.Participant, error) {
	asked, err := c.query()
	list := []attendance.Participant{}
	for err == nil {
		var page attendance.Page
		err = client.Get(ctx, "participants?"+asked.Encode(), &page)
		list = append(list, page.Participants...)
		if page.Next == "" {
			break
		}
		asked.Set("after", page.Next)
	}
	return list, err
}

func newParticipantsCount(w world) *cobra.Command {
	var c chosen
	command := operatorCommand(w, &cobra.Command{
		Use:   "count --event <event id>",
		Short: "Count an event's participants by their status, without those who cancelled",
		Example: `  revento-alerts participants count --event evt_abc123
  revento-alerts participants count --event evt_abc123 --since 2026-05-01 --until 2026-05-08`,
		Args: usage(cobra.NoArgs),
	}, func(ctx context.Context, client *api.Client, _ []string) error {
		asked, err := c.query()
		if err != nil {
			return err
		}
		var count attendance.Count
		if err := client.Get(ctx, "participants/count?"+asked.Encode(), &count); err != nil {
			return err
		}
		switch {
		case c.json:
			return printJSON(w, count)
		case c.csv:
			return attendance.WriteCountCSV(w.screen, count)
		default:
			return attendance.WriteCount(w.out, count)
		}
	})
	c.flags(command)
	return command
}

func newParticipantsCheckIn(w world) *cobra.Command {
	var at string
	var came time.Time
	var asJSON bool
	command := operatorCommand(w, &cobra.Command{
		Use:   "check-in <event id> <participant id>",
		Short: "Note that a participant came; once is enough",
		Long: `Note that a participant came. Who is checked in again came at the first time.

It says so where Revento has them as cancelled: whether they are let in is yours to decide.`,
		Example: `  revento-alerts participants check-in evt_abc123 ptp_001`,
		Args:    usage(cobra.ExactArgs(2)),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		asked := api.CheckIn{EventID: arguments[0], ParticipantID: arguments[1], At: came}
		var arrival attendance.Arrival
		if err := client.Post(ctx, "check-ins", asked, &arrival); err != nil {
			return err
		}
		if asJSON {
			return printJSON(w, arrival)
		}
		w.printf("%s\n", arrivalText(arrival))
		return nil
	})
	command.PreRunE = func(command *cobra.Command, _ []string) (err error) {
		if at == "" {
			return nil
		}
		if came, err = momentOf(at); err != nil {
			return hinted(command, fmt.Errorf("--at %q: %w", at, err))
		}
		return nil
	}
	command.Flags().StringVar(&at, "at", "", "when they came, such as 2026-05-09T12:00:00Z; by default now")
	addJSONFlag(command, &asJSON)
	return command
}

// arrivalText is what somebody at the door needs to know.
func arrivalText(a attendance.Arrival) string {
	who := clip.Line(a.ID)
	if a.Name != "" {
		who = fmt.Sprintf("%s (%s)", clip.Line(a.Name), who)
	}
	text := fmt.Sprintf("%s came at %s", who, legible.Time(a.CheckedInAt))
	if a.Again {
		text += ", as was known"
	}
	if a.State == attendance.Cancelled {
		return text + "; Revento has them as cancelled"
	}
	return text + "; status " + clip.Line(a.Status)
}
