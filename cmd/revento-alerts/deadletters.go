package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/deadletter"
)

func newDeadLetters(w world) *cobra.Command {
	return group(&cobra.Command{
		Use:   "dead-letters",
		Short: "Look at the messages that were given up, have them tried again, or drop them",
		Long: `Look at the messages that were given up, have them tried again, or drop them.

Each has the reason for which it was given up: mend that first. A redrive sends nothing that has been sent before. A message
that nobody deals with is gone after 14 days.`,
	}, newDeadLettersList(w), newDeadLettersShow(w), newDeadLettersRedrive(w), newDeadLettersDrop(w))
}

func newDeadLettersList(w world) *cobra.Command {
	return operatorCommand(w, &cobra.Command{
		Use:   "list",
		Short: "List the dead letters",
		Args:  usage(cobra.NoArgs),
	}, func(ctx context.Context, client *api.Client, _ []string) error {
		listing, err := letters(ctx, client)
		if err != nil {
			return err
		}
		if err := deadletter.WriteList(w.out, listing); err != nil {
			return err
		}
		if !listing.Whole {
			return fmt.Errorf("%d of %d dead letters are not in sight", listing.Hidden, listing.Total)
		}
		return nil
	})
}

func newDeadLettersShow(w world) *cobra.Command {
	var command *cobra.Command
	command = operatorCommand(w, &cobra.Command{
		Use:   "show <id>",
		Short: "Print all that is known of a dead letter",
		Args:  usage(cobra.ExactArgs(1)),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		listing, err := letters(ctx, client)
		if err != nil {
			return err
		}
		chosen, err := deadletter.Selection{IDs: arguments}.Of(listing.Letters)
		if err != nil {
			return err
		}
		if len(chosen) == 0 {
			return fmt.Errorf("no dead letter %s is in sight: '%s' shows those that are", arguments[0], reached(command).Command("dead-letters list"))
		}
		return deadletter.WriteLetter(w.out, chosen[0])
	})
	return command
}

func newDeadLettersRedrive(w world) *cobra.Command {
	var chosen selection
	command := operatorCommand(w, &cobra.Command{
		Use:   "redrive",
		Short: "Have dead letters tried again",
		Long:  `Have dead letters tried again, those that meet all of the conditions. They are sent one after another, to Slack one a second.`,
		Example: `  revento-alerts dead-letters redrive --reason token_revoked
  revento-alerts dead-letters redrive --queue slack --stack revento-alerts`,
		Args: usage(chosen.check),
	}, func(ctx context.Context, client *api.Client, _ []string) error {
		found, err := chosen.find(ctx, client)
		if err != nil {
			return err
		}
		return treat(ctx, w, client, "redrive", found)
	})
	chosen.addFlags(command)
	return command
}

func newDeadLettersDrop(w world) *cobra.Command {
	var chosen selection
	var yes bool
	command := operatorCommand(w, &cobra.Command{
		Use:     "drop",
		Short:   "Delete dead letters for good",
		Long:    `Delete dead letters for good, those that meet all of the conditions. It asks before it does, unless --yes is given.`,
		Example: `  revento-alerts dead-letters drop --id 3f0c2a9d17 --yes`,
		Args:    usage(chosen.check),
	}, func(ctx context.Context, client *api.Client, _ []string) error {
		found, err := chosen.find(ctx, client)
		if err != nil {
			return err
		}
		if len(found.ids) > 0 && !yes && !w.confirms(fmt.Sprintf("Drop %d for good?", len(found.ids))) {
			return errors.New("nothing was dropped: answer y, or give --yes")
		}
		return treat(ctx, w, client, "drop", found)
	})
	chosen.addFlags(command)
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return command
}

// selection is the flags that choose dead letters.
type selection struct {
	ids    []string
	reason string
	queue  string
	all    bool
}

func (s *selection) addFlags(command *cobra.Command) {
	command.Flags().StringSliceVar(&s.ids, "id", nil, "a dead letter's id; may be given more than once")
	command.Flags().StringVar(&s.reason, "reason", "", "those with this reason, or whose reason begins so before a colon")
	command.Flags().StringVar(&s.queue, "queue", "", fmt.Sprintf("those of one queue: %s", strings.Join(queueNames(), ", ")))
	command.Flags().BoolVar(&s.all, "all", false, "all of them, where there is no other condition")
}

func queueNames() []string {
	names := make([]string, len(queue.Names))
	for i, name := range queue.Names {
		names[i] = string(name)
	}
	return names
}

func (s *selection) check(_ *cobra.Command, arguments []string) error {
	switch {
	case len(arguments) > 0:
		return fmt.Errorf("%q: name dead letters by --id", arguments[0])
	case s.queue != "" && !slices.Contains(queueNames(), s.queue):
		return fmt.Errorf("there is no queue %q: there are %s", s.queue, strings.Join(queueNames(), ", "))
	case len(s.ids) == 0 && s.reason == "" && s.queue == "" && !s.all:
		return errors.New("choose dead letters by --id, --reason or --queue, or give --all")
	}
	return nil
}

// found is the letters that are chosen.
type found struct {
	ids    []string
	queue  queue.Name // "" where they may be in any
	hidden int        // how many are out of sight, which may be chosen too
}

// find looks for the letters that are chosen. An id that is not in sight is kept, so that the answer tells of it.
func (s *selection) find(ctx context.Context, client *api.Client) (found, error) {
	if len(s.ids) > 0 && s.reason == "" {
		return found{ids: s.ids, queue: queue.Name(s.queue)}, nil
	}
	listing, err := letters(ctx, client)
	if err != nil {
		return found{}, err
	}
	chosen := deadletter.Selection{IDs: s.ids, Reason: s.reason, All: s.all}
	if s.queue != "" {
		chosen.Queues = []queue.Name{queue.Name(s.queue)}
	}
	fitting, err := chosen.Of(listing.Letters)
	if err != nil {
		return found{}, err
	}
	all := found{queue: queue.Name(s.queue), hidden: listing.Hidden}
	for _, letter := range fitting {
		all.ids = append(all.ids, letter.ID)
	}
	return all, nil
}

func letters(ctx context.Context, client *api.Client) (deadletter.Listing, error) {
	var listing deadletter.Listing
	err := client.Get(ctx, "dead-letters", &listing)
	return listing, err
}

// treat has the letters redriven or dropped, and prints what became of each as soon as it is known. They are named by their ids:
// one that fails again meanwhile comes back under another, and so does not go round. An interrupt ends it between two letters.
func treat(ctx context.Context, w world, client *api.Client, what string, chosen found) error {
	if len(chosen.ids) == 0 && chosen.hidden == 0 {
		w.printf("No dead letter is chosen.\n")
		return nil
	}
	var done api.Results
	if len(chosen.ids) > 0 {
		var failure error // of printing; the work goes on
		var err error
		done, err = client.Treat(ctx, what, api.Selection{IDs: chosen.ids, Queue: chosen.queue}, func(result deadletter.Result) {
			failure = cmp.Or(failure, deadletter.WriteResult(w.out, result))
		})
		if err := errors.Join(err, failure); err != nil {
			return err
		}
	}
	done.Hidden = max(done.Hidden, chosen.hidden)
	w.printf("%d of %d done.\n", done.Done, len(chosen.ids))
	if !done.Whole() {
		return errors.New(rest(done))
	}
	return nil
}

// rest says what was not done.
func rest(done api.Results) string {
	var parts []string
	for _, part := range []struct {
		count int
		what  string
	}{
		{done.Kept, "kept"},
		{done.Missing, "not found"},
		{done.Hidden, "out of sight, since someone else looks at them: repeat it in some minutes"},
		{done.Left, "not reached: repeat it for them"},
	} {
		if part.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.count, part.what))
		}
	}
	text := "not all is done: " + strings.Join(parts, "; ")
	if done.Stopped != "" {
		text += " (" + done.Stopped + ")"
	}
	return text
}

// confirms asks a person. No answer means no.
func (w world) confirms(question string) bool {
	w.printf("%s [y/N] ", question)
	answer, _ := bufio.NewReader(w.in).ReadString('\n')
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer)))
}
