package serve

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"revento-alerts/shared/ground/private"
)

// SecretFile is the file in the data folder that holds the webhook secret where none was given.
const SecretFile = "webhook-secret"

const secretPrefix = "whsec_"

// ReadSecret returns the secret kept in a data folder. It returns fs.ErrNotExist where there is none, and an error with the file's
// name and the remedy where it is empty or others than this user can have read it: a secret is never replaced unasked, since
// Revento signs with the one that it was given.
func ReadSecret(dir string) (string, error) {
	path := filepath.Join(dir, SecretFile)
	text, err := private.Read(path)
	if err != nil {
		return "", fmt.Errorf("read the webhook secret: %w", err)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if strings.TrimSpace(secret) == "" {
		return "", fmt.Errorf("%s is empty: write the secret that Revento has into it, or remove it and start serve, which makes a new one "+
			"for you to give to Revento", path)
	}
	return secret, nil
}

// keepSecret returns the secret kept in the data folder, and makes one where there is none.
func keepSecret(dir string) (secret string, made bool, err error) {
	secret, err = ReadSecret(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, false, err
	}
	secret = secretPrefix + rand.Text()
	if err := private.Write(filepath.Join(dir, SecretFile), []byte(secret+"\n")); err != nil {
		return "", false, fmt.Errorf("keep the webhook secret: %w", err)
	}
	return secret, true, nil
}
