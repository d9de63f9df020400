//go:build documents

package documents_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/api"
	"revento-alerts/test/documents"
)

// typing types one block after another into one shell, as a person does: it goes on where it is told to, and ends with the first command
// that fails. What still runs then is ended.
const typing = `set -eu -o pipefail
trap 'jobs -p | xargs -r kill; wait' EXIT
for block; do
  echo "$block" >&3
  read -r _ <&4
  source "$block" </dev/null
done
echo end >&3
read -r _ <&4
`

const (
	// patience is how long all blocks may take: the program is built anew.
	patience = 10 * time.Minute
	// settling is how long what a block led to may take.
	settling = 20 * time.Second
)

// Nothing is there but the tree, and a home folder without anything in it; each block finds what those before it left.
func TestEveryBlockRunsInTheOrderInWhichItStands(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	copyTree(t, dir)
	var typed []documents.Block
	var scripts []string
	for _, page := range documents.Pages(t, root) {
		for _, block := range page.Blocks() {
			if block.Language != "sh" || block.Needs != "" {
				continue
			}
			script := filepath.Join(t.TempDir(), fmt.Sprintf("%s:%d", filepath.Base(block.Page), block.Line))
			if err := os.WriteFile(script, []byte(block.Text), 0o600); err != nil {
				t.Fatal(err)
			}
			typed, scripts = append(typed, block), append(scripts, script)
		}
	}
	shell := newShell(t, dir, home, scripts)
	for _, block := range typed {
		if !shell.next(home) {
			return
		}
		t.Logf("%s:%d", block.Page, block.Line)
	}
	shell.next(home)
	shell.end()
}

// copyTree makes what a clone would hold, with what is not committed yet.
func copyTree(t *testing.T, dir string) {
	t.Helper()
	command := exec.Command("git", "ls-files", "-co", "--exclude-standard", "-z")
	command.Dir = root
	listed, err := command.Output()
	if err != nil {
		t.Fatalf("list the files of the tree: %v", err)
	}
	for path := range strings.SplitSeq(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(root, path), filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is removed, and that is not committed yet
	}
	if err != nil {
		return fmt.Errorf("copy the tree: %w", err)
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copy the tree: %w", err)
	}
	return errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, content, info.Mode()))
}

// shell is a person's.
type shell struct {
	*testing.T
	command *exec.Cmd
	output  string
	said    *bufio.Scanner
	goOn    io.WriteCloser
}

func newShell(t *testing.T, dir, home string, scripts []string) *shell {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	saying, said, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	hearing, goOn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(ctx, "bash", append([]string{"-c", typing, "bash"}, scripts...)...)
	command.Dir, command.Env = dir, environment(t, home)
	command.Stdout, command.Stderr = output, output
	command.ExtraFiles = []*os.File{said, hearing}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // whatever a block left
		for _, file := range []io.Closer{saying, goOn, output} {
			_ = file.Close()
		}
	})
	_, _ = said.Close(), hearing.Close()
	return &shell{T: t, command: command, output: output.Name(), said: bufio.NewScanner(saying), goOn: goOn}
}

// environment is a person's who has Go, and none of this machine's settings. What Go has fetched and built is not fetched anew.
func environment(t *testing.T, home string) []string {
	t.Helper()
	variables := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "GOTOOLCHAIN=auto"}
	for _, name := range []string{"GOMODCACHE", "GOCACHE", "GOPROXY", "GOFLAGS"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatalf("go env %s: %v", name, err)
		}
		variables = append(variables, name+"="+strings.TrimSpace(string(value)))
	}
	return variables
}

// next waits for the shell to come to the next block, and for what the last one led to, and lets it go on. It returns false where the
// shell has ended.
func (s *shell) next(home string) bool {
	s.Helper()
	if !s.said.Scan() {
		s.fail(s.command.Wait())
		return false
	}
	settle(s.T, filepath.Join(home, ".revento-alerts"))
	if _, err := io.WriteString(s.goOn, "\n"); err != nil {
		s.fail(err)
		return false
	}
	return true
}

func (s *shell) end() {
	s.Helper()
	if err := s.command.Wait(); err != nil {
		s.fail(err)
	}
}

func (s *shell) fail(err error) {
	s.Helper()
	printed, _ := os.ReadFile(s.output)
	s.Fatalf("a command of the last block that was begun failed (%v); all that was printed:\n%s", err, printed)
}

// settle waits until what was accepted is worked on, which takes less time than a person needs to read on.
func settle(t *testing.T, folder string) {
	t.Helper()
	if _, err := serve.ReadAddress(folder); err != nil {
		return // nothing was served yet
	}
	ctx, cancel := context.WithTimeout(t.Context(), settling)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !isIdle(ctx, t, folder) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("what the blocks led to did not come to an end")
		}
	}
}

func isIdle(ctx context.Context, t *testing.T, folder string) bool {
	t.Helper()
	operator, err := serve.Operate(ctx, folder, func(string) (string, bool) { return "", false }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	var overview api.Overview
	if err := operator.Client.Get(ctx, "overview", &overview); err != nil {
		t.Fatal(err)
	}
	for _, queue := range overview.Queues {
		if queue.Waiting+queue.InFlight > 0 {
			return false
		}
	}
	return true
}
