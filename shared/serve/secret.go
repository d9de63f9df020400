package serve

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// SecretFile is the file in the data folder that holds the webhook secret where none was given.
const SecretFile = "webhook-secret"

const secretPrefix = "whsec_"

// ReadSecret returns the secret kept in a data folder. It returns fs.ErrNotExist where there is none.
func ReadSecret(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, SecretFile))
	if err != nil {
		return "", fmt.Errorf("read the webhook secret: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// keepSecret returns the secret kept in the data folder, and makes one where there is none. The file is complete under its
// name or not there, whenever the process stops.
func keepSecret(dir string) (secret string, made bool, err error) {
	secret, err = ReadSecret(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, false, err
	}
	secret = secretPrefix + rand.Text()
	path := filepath.Join(dir, SecretFile)
	if err := os.WriteFile(path+".new", []byte(secret+"\n"), 0o600); err != nil {
		return "", false, fmt.Errorf("keep the webhook secret: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return "", false, fmt.Errorf("keep the webhook secret: %w", err)
	}
	return secret, true, nil
}
