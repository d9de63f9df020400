package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/local/sink"
	"revento-alerts/shared/operate/access"
)

func newServe(w world) *cobra.Command {
	options := serve.Options{Source: w.source, Log: w.errOut}
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run everything on this machine",
		Long: `Run everything on this machine: the webhook, the queues, the workers, with nothing else installed.

--listen serves the webhook and the pages of connections, and nothing of the operator's, so that any proxy may stand in front of it.
The console and its API are at --operator, for programs of this machine that have the token in the data folder's file
operator-token: open the link that serve prints.

Without SLACK_BOT_TOKEN or PAGERDUTY_ROUTING_KEY a recorder takes that provider's place. Without WEBHOOK_SECRETS a secret
is made and kept in the data folder. Log lines go to standard error. SIGTERM ends it once the work at hand
is done, after 8 seconds at the latest, and so do SIGINT and SIGHUP; the next start goes on where it was.`,
		Example: `  revento-alerts serve
  SLACK_BOT_TOKEN=... SLACK_CHANNEL=C0123456789 PAGERDUTY_ROUTING_KEY=... WEBHOOK_SECRETS=... revento-alerts serve`,
		Args: usage(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error {
			return runServe(command.Context(), w, options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.Listen, "listen", serve.DefaultListen, "address of the public side, which takes deliveries, and shows the pages of connections")
	flags.StringVar(&options.Operator, "operator", serve.DefaultOperator, "address of the console and its API, on this machine alone")
	flags.BoolVar(&options.Sandbox, "sandbox", false, "ask a sandbox in place of Revento; it is refused beside a real credential")
	addDataFlag(command, &options.DataDir)
	return command
}

func runServe(ctx context.Context, w world, options serve.Options) error {
	// Without this, the end of who reads the log or the greeting would end serve.
	signal.Ignore(syscall.SIGPIPE)
	machine, err := serve.Start(ctx, options)
	if err != nil {
		return err
	}
	greeting := sink.New(w.out)
	greet(greeting, machine, describeConsole(machine, w.screen, options.DataDir), options)
	err = errors.Join(machine.Wait(ctx), machine.Close())
	ended, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel() // who has not read the greeting by now is not waited for
	greeting.Close(ended)
	return err
}

// greet tells where to go from here. The writer takes all of it.
func greet(w io.Writer, machine *serve.Machine, console string, options serve.Options) {
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(rows, "webhook\t%s\n", machine.URL)
	if machine.Everywhere {
		fmt.Fprintf(rows, "\tand the same at every other address of this machine\n")
	}
	fmt.Fprintf(rows, "console\t%s\n", console)
	if machine.Sandbox != "" {
		fmt.Fprintf(rows, "Revento\ta sandbox, which changes what happens: open the console, then %s\n", machine.Sandbox)
	}
	fmt.Fprintf(rows, "data folder\t%s\n", options.DataDir)
	fmt.Fprintf(rows, "webhook secret\t%s\n", describeSecret(machine, options))
	fmt.Fprintf(rows, "Slack\t%s\n", describeProvider(machine.RecordsSlack, serve.VariableSlackBotToken))
	fmt.Fprintf(rows, "PagerDuty\t%s\n", describeProvider(machine.RecordsPagerDuty, serve.VariablePagerDutyRoutingKey))
	for _, warning := range machine.Warnings {
		fmt.Fprintf(rows, "warning\t%s\n", warning)
	}
	fmt.Fprintf(rows, "try\t%s\n", installationOf(options).Command("send application.revision_requested"))
	_ = rows.Flush()
}

// describeConsole is the link with the token where nobody else reads it, and otherwise how to come to it.
func describeConsole(machine *serve.Machine, out io.Writer, dir string) string {
	if isReadByOthers(out) {
		return access.Link(machine.Console, "$(cat "+filepath.Join(dir, access.TokenFile)+")")
	}
	return machine.ConsoleLink
}

// isReadByOthers says whether what is written may be read by who may not read the data folder: a file that is open to others, or a
// socket, which leads to a journal. A terminal, and a pipe's other end, are those of who has started this.
func isReadByOthers(out io.Writer) bool {
	const others fs.FileMode = 0o077
	file, isFile := out.(*os.File)
	if !isFile {
		return false
	}
	info, err := file.Stat()
	return err != nil || info.Mode()&fs.ModeSocket != 0 || info.Mode().IsRegular() && info.Mode()&others != 0
}

func describeSecret(machine *serve.Machine, options serve.Options) string {
	path := filepath.Join(options.DataDir, serve.SecretFile)
	switch {
	case machine.SecretMade:
		return "made and kept in " + path + "; '" + installationOf(options).Command("send") + "' signs with it"
	case machine.SecretKept:
		return "kept in " + path
	default:
		return "from " + serve.VariableWebhookSecrets
	}
}

func describeProvider(recorded bool, variable string) string {
	if recorded {
		return "recorded here, nothing is sent; set " + variable + " to send for real"
	}
	return "sent for real"
}

// installationOf is what the other commands need to find this machine and its secret.
func installationOf(options serve.Options) installation.Name {
	if options.DataDir == defaultDataFolder() {
		return installation.Name{}
	}
	return installation.OnMachine(options.DataDir)
}
