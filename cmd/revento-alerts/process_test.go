//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/revento/sample"
)

// asProgram makes this test's binary the program.
const asProgram = "REVENTO_ALERTS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(inFolderOfItsOwn(m))
}

// inFolderOfItsOwn runs the tests with a configuration folder, in which the sealing keys are, that is as short-lived as they are.
func inFolderOfItsOwn(m *testing.M) int {
	folder, err := os.MkdirTemp("", "revento-alerts-configuration-")
	if err == nil {
		err = os.Setenv("XDG_CONFIG_HOME", folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	return m.Run()
}

// patience is how long a process may take to start or to end before it counts as hung.
const patience = time.Minute

// process is a serve process with a data folder of its own.
type process struct {
	*testing.T
	command *exec.Cmd
	dir     string
	ended   chan error
}

// serves starts serve, before which prepare can choose its outputs, and returns once it can be delivered to.
func serves(t *testing.T, prepare func(*exec.Cmd), shell ...string) *process {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	arguments := append(shell, os.Args[0], "serve", "--listen", "127.0.0.1:0", "--operator", "127.0.0.1:0", "--data", dir)
	p := &process{T: t, command: exec.Command(arguments[0], arguments[1:]...), dir: dir, ended: make(chan error, 1)}
	p.command.Env = append(os.Environ(), asProgram+"=1", "SLACK_POST_INTERVAL=0s")
	prepare(p.command)
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.command.Wait() }()
	t.Cleanup(func() { _ = p.command.Process.Kill() })
	p.answers()
	return p
}

// answers delivers something, and waits for the program's start.
func (p *process) answers() {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), patience)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if p.url() != "" && p.deliver(ctx) == nil {
			return
		}
		select {
		case <-tick.C:
		case err := <-p.ended:
			p.Fatalf("serve ended: %v", err)
		case <-ctx.Done():
			p.Fatalf("serve does not answer: %v", p.deliver(p.Context()))
		}
	}
}

func (p *process) url() string {
	address, err := os.ReadFile(filepath.Join(p.dir, "address"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(address)) + "/webhooks/revento"
}

func (p *process) deliver(ctx context.Context) error {
	secret, err := serve.ReadSecret(p.dir)
	if err != nil {
		return err
	}
	delivery, err := sample.New("application.revision_requested", secret, time.Now(), sample.Change{})
	if err != nil {
		return err
	}
	answer, err := delivery.Post(ctx, http.DefaultClient, p.url())
	if err == nil && answer.Code != http.StatusOK {
		err = fmt.Errorf("answered %d", answer.Code)
	}
	return err
}

// ends sends a signal and wants the program to end with 0.
func (p *process) ends(with os.Signal) {
	p.Helper()
	if err := p.command.Process.Signal(with); err != nil {
		p.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			p.Errorf("%v ends it with %v", with, err)
		}
	case <-time.After(patience):
		p.Fatalf("%v does not end it", with)
	}
}

// manyLines is more deliveries than have room for their lines in a pipe of 64 KiB.
const manyLines = 300

func (p *process) answersMany() {
	p.Helper()
	for i := range manyLines {
		if err := p.deliver(p.Context()); err != nil {
			p.Fatalf("delivery %d: %v", i, err)
		}
	}
}

// SIGPIPE once ended serve, and a reader that stopped kept every delivery after the 75th from being answered.
func TestALogThatCannotBeWrittenCostsNoAnswer(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, command *exec.Cmd){
		"its reader ends":  func(t *testing.T, command *exec.Cmd) { command.Stderr = pipe(t, true) },
		"its reader stops": func(t *testing.T, command *exec.Cmd) { command.Stderr = pipe(t, false) },
		"the disk is full": func(t *testing.T, command *exec.Cmd) { command.Stderr = full(t) },
		"nobody reads the greeting": func(t *testing.T, command *exec.Cmd) {
			command.Stdout, command.Stderr = pipe(t, true), pipe(t, true)
		},
		"the greeting's disk is full, too": func(t *testing.T, command *exec.Cmd) {
			command.Stdout, command.Stderr = full(t), full(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serves(t, func(command *exec.Cmd) { prepare(t, command) })
			p.answersMany()
			p.ends(syscall.SIGTERM)
		})
	}
}

// pipe is a pipe that nobody reads; with a reader that ended where ended.
func pipe(t *testing.T, ended bool) *os.File {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = reader.Close(), writer.Close() })
	if ended {
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return writer
}

func full(t *testing.T) *os.File {
	t.Helper()
	file, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func TestASignalEndsServeInGoodOrder(t *testing.T) {
	// Under nohup the tests' own children would ignore it; what is caught here has its default there.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(caught) })
	for _, end := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(end.String(), func(t *testing.T) {
			t.Parallel()
			serves(t, func(*exec.Cmd) {}).ends(end)
		})
	}
}

func TestUnderNohupATerminalThatIsClosedDoesNotEndServe(t *testing.T) {
	p := serves(t, func(*exec.Cmd) {}, "sh", "-c", `trap "" HUP; exec "$0" "$@"`)
	if err := p.command.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.answersMany()
	p.ends(syscall.SIGTERM)
}

// A sender whose body never comes whole once held the end up for 17 seconds.
func TestASlowSenderDoesNotKeepServeFromEnding(t *testing.T) {
	t.Parallel()
	p := serves(t, func(*exec.Cmd) {})
	address := strings.TrimSuffix(strings.TrimPrefix(p.url(), "http://"), "/webhooks/revento")
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_, err = io.WriteString(connection, "POST /webhooks/revento HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
	if err != nil {
		t.Fatal(err)
	}
	p.answers()
	p.ends(syscall.SIGTERM)
}
