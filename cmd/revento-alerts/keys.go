package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"revento-alerts/shared/local/keyring"
)

func newKeys(w world) *cobra.Command {
	return group(&cobra.Command{
		Use:   "keys",
		Short: "Look at the sealing keys of one machine, or add one",
		Long: `Look at the sealing keys of one machine, or add one.

What connections keep of Revento's tokens is sealed with them. The newest seals, all of them open; what is touched is sealed anew. They are
in a file of their own: keep a copy of it apart from the data folder. Of a stack they are a secret in Secrets Manager.`,
	}, newKeysList(w), newKeysAdd(w))
}

// keyFile is the file of a data folder's sealing keys.
func keyFile(w world, dir string) (keyring.File, error) { return keyring.Locate(w.source, dir) }

func newKeysList(w world) *cobra.Command {
	var dir string
	var asJSON bool
	command := &cobra.Command{
		Use:   "list",
		Short: "List the keys' ids, the newest first, which tell nothing of the keys",
		Args:  usage(cobra.NoArgs),
	}
	command.RunE = func(*cobra.Command, []string) error {
		file, err := keyFile(w, dir)
		if err != nil {
			return err
		}
		ring, err := file.Read()
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
	}
	addDataFlag(command, &dir)
	addJSONFlag(command, &asJSON)
	return command
}

func newKeysAdd(w world) *cobra.Command {
	var dir string
	command := &cobra.Command{
		Use:   "add",
		Short: "Add a key, which seals from now on; those before still open what they sealed",
		Args:  usage(cobra.NoArgs),
	}
	command.RunE = func(*cobra.Command, []string) error {
		file, err := keyFile(w, dir)
		if err != nil {
			return err
		}
		ring, err := file.Add()
		if err != nil {
			return fmt.Errorf("add a sealing key: %w", err)
		}
		w.printf("%s seals what is sealed from now on. serve takes it within five minutes; copy %s anew.\n", ring.IDs()[0], file)
		return nil
	}
	addDataFlag(command, &dir)
	return command
}
