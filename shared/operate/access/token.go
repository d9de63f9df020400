// Package access decides who may read the console and call its API: who has the operator's token, a file of the data folder, and asks
// from this machine, with a program or the console's own page. Every path is behind it.
package access

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"revento-alerts/shared/ground/private"
)

// TokenFile is the file in the data folder that holds the operator's token.
const TokenFile = "operator-token"

// tokenBytes is how many random bytes a token is.
const tokenBytes = 32

// tokenForm is how a token is written: 43 characters that need no escaping in a URL, a header or a cookie.
var tokenForm = base64.RawURLEncoding.Strict()

// ReadToken returns the token that is kept in a data folder. It returns fs.ErrNotExist where there is none, and an error with the
// file's name and the remedy for what is not a whole token that only this user can have read.
func ReadToken(dir string) (string, error) {
	path := filepath.Join(dir, TokenFile)
	text, err := private.Read(path)
	if err != nil {
		return "", fmt.Errorf("read the operator's token: %w", err)
	}
	token := strings.TrimRight(string(text), "\r\n")
	if decoded, err := tokenForm.DecodeString(token); err != nil || len(decoded) != tokenBytes {
		return "", fmt.Errorf("%s holds no whole token: remove it and start serve again, which makes a new one", path)
	}
	return token, nil
}

// KeepToken returns the token that is kept in the data folder, and makes one where there is none.
func KeepToken(dir string) (string, error) {
	token, err := ReadToken(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // never fails: https://pkg.go.dev/crypto/rand#Read
	token = tokenForm.EncodeToString(random)
	if err := private.Write(filepath.Join(dir, TokenFile), []byte(token+"\n")); err != nil {
		return "", fmt.Errorf("keep the operator's token: %w", err)
	}
	return token, nil
}
