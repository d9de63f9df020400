package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/settings"
)

func newRoutes(w world) *cobra.Command {
	var stack string
	command := &cobra.Command{
		Use:   "routes",
		Short: "Print the routes in force and the event types to declare in the Revento manifest",
		Long: `Print the routes in force, as the environment's variables or a stack's parameters set them, and the event types to
declare in the Revento manifest: Revento asks integrations to subscribe to nothing that they do not use.`,
		Args: usage(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) error {
			if stack == "" {
				return printRoutes(w, serve.Defaults(w.source), func(r api.Route) string { return r.Variable })
			}
			opened, err := openStack(command.Context(), stack)
			if err != nil {
				return err
			}
			return printRoutes(w, opened.Source(), func(r api.Route) string { return r.Parameter })
		},
	}
	addStackFlag(command, &stack)
	return command
}

// printRoutes names each setting as whoever changes it knows it: by its variable, or by its parameter.
func printRoutes(w world, source settings.Source, name func(api.Route) string) error {
	routes, err := api.RoutesOf(source)
	if err != nil {
		return err
	}
	rows := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "TRIGGER\tROUTE\tSETTING")
	for _, r := range routes.Routes {
		shown := name(r)
		if r.Default {
			shown += " (default)"
		}
		fmt.Fprintf(rows, "%s\t%s\t%s\n", r.Trigger, r.Route, shown)
	}
	if err := rows.Flush(); err != nil {
		return fmt.Errorf("print the routes: %w", err)
	}
	return printManifest(w, routes)
}

func printManifest(w world, routes api.Routes) error {
	list, err := json.MarshalIndent(routes.Declare, "", "  ")
	if err != nil {
		return fmt.Errorf("print the event types: %w", err)
	}
	w.printf("\nDeclare in the Revento manifest:\n\n\"declared_webhook_event_types\": %s\n", list)
	for _, pattern := range routes.Also {
		w.printf("\nAnd the other types of %s that you want: Revento's catalog names them.\n", pattern)
	}
	return nil
}
