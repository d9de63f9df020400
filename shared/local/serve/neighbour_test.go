//go:build unix

package serve_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/access"
)

// Whoever made the folder, or a file in it, before us chose the secret and the token, or knows them; or has the commands send the
// token to himself. Serve and the commands refuse what is there, and name it with the remedy.
func TestWhatAnotherUserMadeBeforeUsIsRefused(t *testing.T) {
	const neighbour = 4711
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	tests := map[string]func(dir string) (made string, err error){
		"the data folder": func(dir string) (string, error) { return dir, os.Chown(dir, neighbour, neighbour) },
		"a link in the folder's place": func(dir string) (string, error) {
			if err := os.Rename(dir, dir+"-real"); err != nil {
				return "", err
			}
			if err := os.Symlink(dir+"-real", dir); err != nil {
				return "", err
			}
			return dir, os.Lchown(dir, neighbour, neighbour)
		},
	}
	files := []string{serve.SecretFile, access.TokenFile, "address", "operator-address", "recorder.jsonl", "revento-alerts.db"}
	for _, name := range files {
		tests[name] = func(dir string) (string, error) {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte("chosen"), 0o600); err != nil {
				return "", err
			}
			return path, os.Chown(path, neighbour, neighbour)
		}
		tests["a link in the place of "+name] = func(dir string) (string, error) {
			path := filepath.Join(dir, name)
			if err := os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), path); err != nil {
				return "", err
			}
			return path, os.Lchown(path, neighbour, neighbour)
		}
	}
	for name, plant := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			made, err := plant(dir)
			if err != nil {
				t.Fatal(err)
			}
			machine, err := serve.Start(t.Context(), serve.Options{
				Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: dir, Source: variables(nil), Log: io.Discard,
			})
			if err == nil {
				stop(t, machine)
			}
			wantNamed(t, "serve", err, made)
			operator, err := serve.Operate(t.Context(), dir, variables(nil), io.Discard)
			if err == nil {
				t.Error(operator.Close())
			}
			wantNamed(t, "a command", err, made)
		})
	}
}

func wantNamed(t *testing.T, who string, err error, path string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "--data") {
		t.Errorf("%s: error = %v, want one that names %s and the remedy", who, err, path)
	}
}
