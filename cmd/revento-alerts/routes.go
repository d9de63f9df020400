package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"revento-alerts/shared/revento"
	"revento-alerts/shared/route"
	"revento-alerts/shared/serve"
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
				return printRoutes(w, serve.Defaults(w.source), settings.Setting.Variable)
			}
			opened, err := openStack(command.Context(), stack)
			if err != nil {
				return err
			}
			return printRoutes(w, opened.Source(), func(s settings.Setting) string { return s.Parameter })
		},
	}
	addStackFlag(command, &stack)
	return command
}

// printRoutes names each setting as whoever changes it knows it: by its variable, or by its parameter.
func printRoutes(w world, source settings.Source, name func(settings.Setting) string) error {
	table, err := settings.LoadRoutes(source)
	if err != nil {
		return err
	}
	rows := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "TRIGGER\tROUTE\tSETTING")
	for _, trigger := range route.Triggers {
		setting := settings.Setting{Parameter: trigger.Parameter, Default: trigger.Default}
		shown := name(setting)
		if value, set := source(setting.Variable()); !set || value == setting.Default {
			shown += " (default)"
		}
		fmt.Fprintf(rows, "%s\t%s\t%s\n", trigger.Pattern, table.Of(trigger), shown)
	}
	if err := rows.Flush(); err != nil {
		return fmt.Errorf("print the routes: %w", err)
	}
	return printManifest(w, table)
}

func printManifest(w world, table route.Table) error {
	types, patterns := declared(table)
	list, err := json.MarshalIndent(types, "", "  ")
	if err != nil {
		return fmt.Errorf("print the event types: %w", err)
	}
	w.printf("\nDeclare in the Revento manifest:\n\n\"declared_webhook_event_types\": %s\n", list)
	for _, pattern := range patterns {
		w.printf("\nAnd the other types of %s that you want: Revento's catalog names them.\n", pattern)
	}
	return nil
}

// declared lists the event types that the routes use, and the groups of types that they use and whose members the guide does
// not name. A deletion request is always declared: it must be met whatever the route of its notices.
func declared(table route.Table) (types, patterns []string) {
	for _, trigger := range route.Triggers {
		switch used := len(table.Of(trigger)) > 0; {
		case trigger.Pattern == revento.TypeDeletionRequired, used && !trigger.IsWildcard():
			types = append(types, trigger.Pattern)
		case used:
			patterns = append(patterns, trigger.Pattern)
		}
	}
	slices.Sort(types)
	return types, patterns
}
