package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"revento-alerts/shared/ingest"
	"revento-alerts/shared/serve"
	"revento-alerts/shared/sink"
)

const defaultListen = "127.0.0.1:3000"

func newServe(w world) *cobra.Command {
	options := serve.Options{Source: w.source, Log: w.errOut}
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run everything on this machine",
		Long: `Run everything on this machine: the webhook, the queues, the workers, with nothing else installed.

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
	command.Flags().StringVar(&options.Listen, "listen", defaultListen, "address to listen on")
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
	greet(greeting, machine, options)
	err = errors.Join(machine.Wait(ctx), machine.Close())
	ended, cancel := context.WithCancel(context.WithoutCancel(ctx))
	cancel() // who has not read the greeting by now is not waited for
	greeting.Close(ended)
	return err
}

// greet tells where to go from here. The writer takes all of it.
func greet(w io.Writer, machine *serve.Machine, options serve.Options) {
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(rows, "webhook\t%s\n", machine.URL)
	fmt.Fprintf(rows, "console\t%s\n", strings.TrimSuffix(machine.URL, ingest.Path)+"/")
	fmt.Fprintf(rows, "data folder\t%s\n", options.DataDir)
	fmt.Fprintf(rows, "webhook secret\t%s\n", describeSecret(machine, options.DataDir))
	fmt.Fprintf(rows, "Slack\t%s\n", describeProvider(machine.RecordsSlack, serve.VariableSlackBotToken))
	fmt.Fprintf(rows, "PagerDuty\t%s\n", describeProvider(machine.RecordsPagerDuty, serve.VariablePagerDutyRoutingKey))
	for _, warning := range machine.Warnings {
		fmt.Fprintf(rows, "warning\t%s\n", warning)
	}
	fmt.Fprintf(rows, "try\trevento-alerts send application.revision_requested%s\n", sendFlags(machine, options))
	_ = rows.Flush()
}

func describeSecret(machine *serve.Machine, dir string) string {
	path := filepath.Join(dir, serve.SecretFile)
	switch {
	case machine.SecretMade:
		return "made and kept in " + path + "; 'revento-alerts send' signs with it"
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

// sendFlags are what send needs to reach this machine where it is not served in the default way.
func sendFlags(machine *serve.Machine, options serve.Options) string {
	flags := ""
	if machine.URL != defaultURL {
		flags += " --url " + machine.URL
	}
	if options.DataDir != defaultDataFolder() && machine.SecretKept {
		flags += " --data " + options.DataDir
	}
	return flags
}
