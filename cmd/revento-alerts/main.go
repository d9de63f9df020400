// Command revento-alerts is the program for people: it runs everything on one machine, shows it working, and makes test
// deliveries.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // DigestTimeZone, whatever the machine has

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/settings"
)

// The exit codes.
const (
	exitFailed = 1 // what was asked for did not happen
	exitUsage  = 2 // the command line is wrong
)

// world is what commands see of the outside.
type world struct {
	in io.Reader
	// out and errOut show what is hidden in a text, whoever wrote it. Drawings, whose texts are printable and whose colours must stay
	// hidden, go to screen.
	out    io.Writer
	errOut io.Writer
	screen io.Writer
	source settings.Source
	// environ is what source finds, as os.Environ lists it.
	environ []string
	// asks says that in is a terminal, where a person can answer.
	asks bool
}

// usageError marks an error that the command line is to blame for.
type usageError struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], world{
		in: os.Stdin, out: os.Stdout, errOut: os.Stderr, source: os.LookupEnv, environ: os.Environ(), asks: isatty.IsTerminal(os.Stdin.Fd()),
	}))
}

// endings are the signals that end a command in good order. Under nohup a terminal that is closed is none.
func endings() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

func run(ctx context.Context, arguments []string, w world) int {
	w.screen, w.out, w.errOut = w.out, clip.NewWriter(w.out), clip.NewWriter(w.errOut)
	root := newRoot(w)
	root.SetArgs(arguments)
	root.SetOut(w.out)
	root.SetErr(w.errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(w.errOut, "revento-alerts: %v\n", err)
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}

func newRoot(w world) *cobra.Command {
	root := &cobra.Command{
		Use:   "revento-alerts",
		Short: "Turn Revento's webhooks into Slack messages and PagerDuty pages",
		Long: `Turn Revento's webhooks into Slack messages and PagerDuty pages.

  revento-alerts demo      shows the whole way in one terminal, with nothing else installed
  revento-alerts serve     runs everything on this machine

Settings are environment variables, the same as the template's parameters; docs/settings.md lists them.
Exit codes: 0 done, 1 failed, 2 the command line is wrong.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usage(cobra.NoArgs),
		// Whatever the command: a route that nobody reads is one that somebody believes to be in force.
		PersistentPreRunE: func(*cobra.Command, []string) error { return settings.CheckNames(w.environ) },
		RunE:              func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error { return hinted(command, err) })
	root.AddCommand(newServe(w), newDemo(w), newSend(w), newEvent(w), newRoutes(w), newTrace(w), newCheck(w), newDeadLetters(w),
		newDeletions(w), newConnections(w), newParticipants(w), newKeys(w))
	return root
}

// usage makes a check of the arguments end with the usage exit code and a hint.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(command *cobra.Command, arguments []string) error {
		if err := check(command, arguments); err != nil {
			return hinted(command, err)
		}
		return nil
	}
}

func hinted(command *cobra.Command, err error) error {
	return usageError{fmt.Errorf("%w\nSee '%s --help'", err, command.CommandPath())}
}
