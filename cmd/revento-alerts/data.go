package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// dataFolderName is the default data folder's name within the user's home.
const dataFolderName = ".revento-alerts"

// addDataFlag adds the flag that names the data folder, the same for every command.
func addDataFlag(command *cobra.Command, dir *string) {
	command.Flags().StringVar(dir, "data", defaultDataFolder(), "the data folder, which holds all state of serve")
}

func defaultDataFolder() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return dataFolderName
	}
	return filepath.Join(home, dataFolderName)
}

// printf writes to the user. A terminal that is gone is nobody to report to.
func (w world) printf(format string, arguments ...any) {
	_, _ = fmt.Fprintf(w.out, format, arguments...)
}
