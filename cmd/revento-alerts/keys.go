package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"revento-alerts/shared/aws/secretsmanager"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/local/keyring"
)

func newKeys(w world) *cobra.Command {
	return group(&cobra.Command{
		Use:   "keys",
		Short: "Look at the sealing keys, or add one",
		Long: `Look at the sealing keys, or add one.

What connections keep of Revento's tokens is sealed with them. The newest seals, all of them open; what is touched is sealed anew. On one
machine they are in a file of their own: keep a copy of it apart from the data folder. Of a stack they are a secret in Secrets Manager,
which the credentials in use must be allowed to read and to write.`,
	}, newKeysList(w), newKeysAdd(w))
}

// keys are the sealing keys of an installation.
type keys interface {
	// read returns them.
	read(ctx context.Context) (seal.Ring, error)
	// add adds one, and returns them, and what is to be done now.
	add(ctx context.Context) (ring seal.Ring, then string, err error)
}

// keysCommand makes a command that is about sealing keys: those of a deployed stack with --stack, or those of a data folder.
func keysCommand(w world, command *cobra.Command, run func(ctx context.Context, of keys) error) *cobra.Command {
	var stack, dir string
	addStackFlag(command, &stack)
	addDataFlag(command, &dir)
	command.RunE = func(command *cobra.Command, _ []string) error {
		ctx := command.Context()
		if stack == "" {
			file, err := keyring.Locate(w.source, dir)
			if err != nil {
				return err
			}
			return run(ctx, fileKeys{file})
		}
		if command.Flags().Changed("data") {
			return hinted(command, errors.New("--stack and --data name two installations: give one"))
		}
		opened, err := openStack(ctx, stack)
		if err != nil {
			return err
		}
		return run(ctx, stackKeys{opened})
	}
	return command
}

func newKeysList(w world) *cobra.Command {
	var asJSON bool
	command := keysCommand(w, &cobra.Command{
		Use:   "list",
		Short: "List the keys' ids, the newest first, which tell nothing of the keys",
		Args:  usage(cobra.NoArgs),
	}, func(ctx context.Context, of keys) error {
		ring, err := of.read(ctx)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(w, ring.IDs())
		}
		for _, id := range ring.IDs() {
			w.printf("%s\n", id)
		}
		return nil
	})
	addJSONFlag(command, &asJSON)
	return command
}

func newKeysAdd(w world) *cobra.Command {
	return keysCommand(w, &cobra.Command{
		Use:   "add",
		Short: "Add a key, which seals from now on; those before still open what they sealed",
		Args:  usage(cobra.NoArgs),
	}, func(ctx context.Context, of keys) error {
		ring, then, err := of.add(ctx)
		if err != nil {
			return fmt.Errorf("add a sealing key: %w", err)
		}
		w.printf("%s seals what is sealed from now on. %s\n", ring.IDs()[0], then)
		return nil
	})
}

// fileKeys are those of one machine.
type fileKeys struct{ keyring.File }

func (f fileKeys) read(context.Context) (seal.Ring, error) { return f.Read() }

func (f fileKeys) add(context.Context) (seal.Ring, string, error) {
	ring, err := f.Add()
	return ring, fmt.Sprintf("serve takes it within five minutes; copy %s anew.", f.File), err
}

// stackKeys are those of a deployed stack.
type stackKeys struct{ deployed }

// id is the secret's.
func (s stackKeys) id() (string, error) {
	if s.Parameters["ReventoClientId"] == "" {
		return "", fmt.Errorf("the stack %s has no sealing keys, since its connections are off: %s", s.Name, s.place().Connect)
	}
	return s.Output(outputSealingKeys)
}

func (s stackKeys) read(ctx context.Context) (seal.Ring, error) {
	id, err := s.id()
	if err != nil {
		return seal.Ring{}, err
	}
	text, err := secretsmanager.Fetch(s.aws, id)(ctx)
	if err == nil {
		return seal.Parse(text)
	}
	if errors.Is(err, secret.ErrEmpty) {
		return seal.Ring{}, fmt.Errorf("%w: '%s' makes the first key", err, s.place().Installation.Command("keys add"))
	}
	return seal.Ring{}, err
}

func (s stackKeys) add(ctx context.Context) (ring seal.Ring, then string, err error) {
	id, err := s.id()
	if err != nil {
		return seal.Ring{}, "", err
	}
	err = secretsmanager.Change(ctx, s.aws, id, func(value string) (string, error) {
		was, err := seal.Parse(value)
		if err != nil && !errors.Is(err, secret.ErrEmpty) { // what is not read would be lost
			return "", err
		}
		ring = was.Add()
		return ring.Format(), nil
	})
	return ring, "The functions take it within a minute where they need it, and all of them within SecretMaxAge.", err
}
