package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/checkup"
)

func newCheck(w world) *cobra.Command {
	var asked api.CheckRequest
	command := operatorCommand(w, &cobra.Command{
		Use:   "check",
		Short: "Look whether everything that alerts need is in order",
		Long: `Look whether everything that alerts need is in order: settings, secrets, Slack and its channels, the integration key, tables, queues
and dead letters. Each has a line, and what is not well its remedy. The exit code is 1 where something has failed.

On one machine the serve that has the data folder looks; where none runs, this program does, with its own variables.`,
		Args: usage(cobra.NoArgs),
	}, func(ctx context.Context, client *api.Client, _ []string) error {
		var found api.Findings
		if err := client.Post(ctx, "check", asked, &found); err != nil {
			return err
		}
		if err := checkup.Write(w.out, found.Findings); err != nil {
			return err
		}
		if checkup.AnyFailed(found.Findings) {
			return errors.New("something has to be mended before alerts are told")
		}
		return nil
	})
	command.Flags().BoolVar(&asked.Send, "send", false, "post a test message into each channel, and open and resolve a test incident with each key")
	return command
}
