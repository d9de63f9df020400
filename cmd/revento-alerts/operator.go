package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/api"
)

// operatorCommand makes a command that asks the API: that of a deployed stack with --stack, or that of a data folder.
func operatorCommand(w world, command *cobra.Command, run func(ctx context.Context, client *api.Client, arguments []string) error) *cobra.Command {
	var stack, dir string
	addStackFlag(command, &stack)
	addDataFlag(command, &dir)
	command.RunE = func(command *cobra.Command, arguments []string) error {
		ctx := command.Context()
		if stack == "" {
			return onMachine(ctx, w, dir, func(client *api.Client) error { return run(ctx, client, arguments) })
		}
		if command.Flags().Changed("data") {
			return hinted(command, errors.New("--stack and --data name two installations: give one"))
		}
		opened, err := openStack(ctx, stack)
		if err != nil {
			return err
		}
		backend, err := opened.backend(w.errOut)
		if err != nil {
			return err
		}
		return run(ctx, api.Within(backend), arguments)
	}
	return command
}

// group is a command that has others below it, and tells of them where none is named.
func group(command *cobra.Command, below ...*cobra.Command) *cobra.Command {
	command.Args = usage(cobra.NoArgs)
	command.RunE = func(command *cobra.Command, _ []string) error { return command.Help() }
	command.AddCommand(below...)
	return command
}

// consent is what a command needs that destroys something: an answer on a terminal, or --yes.
type consent struct {
	world
	yes bool
}

// before adds --yes to a command, and refuses it where nobody could answer. look are the command's words that show what would go.
func (c *consent) before(command *cobra.Command, look string) *cobra.Command {
	command.Flags().BoolVar(&c.yes, "yes", false, "do not ask")
	do := command.RunE
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if !c.yes && !c.asks {
			return hinted(command, fmt.Errorf("there is no terminal to ask on: look at '%s', and give --yes",
				reached(command).Command(look+" "+strings.Join(arguments, " "))))
		}
		return do(command, arguments)
	}
	return command
}

// to asks a question, unless the answer was given before.
func (c *consent) to(question string) bool { return c.yes || c.confirms(question) }

// reached is the installation of a command, for the commands that it hints at.
func reached(command *cobra.Command) installation.Name {
	of := map[string]func(string) installation.Name{"stack": installation.OnStack, "data": installation.OnMachine}
	for _, name := range []string{"stack", "data"} {
		if flag := command.Flags().Lookup(name); flag != nil && flag.Changed {
			return of[name](flag.Value.String())
		}
	}
	return installation.Name{}
}

func onMachine(ctx context.Context, w world, dir string, run func(*api.Client) error) error {
	operator, err := serve.Operate(ctx, dir, w.source, w.errOut)
	if err != nil {
		return err
	}
	return errors.Join(run(operator.Client), operator.Close())
}
