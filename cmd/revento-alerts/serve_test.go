package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"revento-alerts/shared/local/serve"
)

// What serve prints may go where others read it: the token goes only where they do not.
func TestTheLinkHasTheTokenOnlyWhereNobodyElseReadsIt(t *testing.T) {
	machine := &serve.Machine{Console: "http://127.0.0.1:3001/", ConsoleLink: "http://127.0.0.1:3001/?token=canary"}
	const without = "http://127.0.0.1:3001/?token=$(cat /data/operator-token)"
	terminal, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0) // a device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	reader, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer pipe.Close()
	for name, test := range map[string]struct {
		out  *os.File
		want string
	}{
		"a terminal":                    {terminal, machine.ConsoleLink},
		"a pipe":                        {pipe, machine.ConsoleLink},
		"a file of its owner's":         {logFile(t, 0o600), machine.ConsoleLink},
		"a file that others read":       {logFile(t, 0o644), without},
		"a file that the group reads":   {logFile(t, 0o640), without},
		"a socket, such as a journal's": {socket(t), without},
	} {
		if got := describeConsole(machine, test.out, "/data"); got != test.want {
			t.Errorf("%s gets %s", name, got)
		}
	}
	if got := describeConsole(machine, new(strings.Builder), "/data"); got != machine.ConsoleLink {
		t.Errorf("this process itself gets %s", got)
	}
}

// All but send asked the public side's address, and were refused wherever that was not the loopback's.
func TestWhateverServeListensOnEveryCommandFindsIt(t *testing.T) {
	for _, listen := range []string{":0", "0.0.0.0:0", "[::]:0", "localhost:0"} {
		t.Run(listen, func(t *testing.T) {
			dir := t.TempDir()
			machine, err := serve.Start(t.Context(), serve.Options{
				Listen: listen, Operator: "127.0.0.1:0", DataDir: dir, Log: io.Discard,
				Source: func(string) (string, bool) { return "", false },
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, arguments := range [][]string{
				{"send", "application.revision_requested", "--delivery-id", "d-1"}, {"trace", "d-1"}, {"check"}, {"dead-letters", "list"},
				{"deletions", "list"},
			} {
				if r := call(t, nil, append(arguments, "--data", dir)...); r.code != 0 {
					t.Errorf("%s: %+v", arguments, r)
				}
			}
			if err := machine.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func logFile(t *testing.T, mode os.FileMode) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if err := file.Chmod(mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func socket(t *testing.T) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	connection, err := net.DialUnix("unix", nil, listener.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	file, err := connection.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// Two machines on one, each with its folder and its secret: what is sent for one comes to it, and to it alone.
func TestSendPostsToTheServeOfItsFolder(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		machine, err := serve.Start(t.Context(), serve.Options{
			Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: dir, Log: io.Discard,
			Source: func(string) (string, bool) { return "", false },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := machine.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	for i, dir := range dirs {
		other := dirs[1-i]
		if r := call(t, nil, "send", "event.unpublished", "--delivery-id", "of-"+filepath.Base(dir), "--data", dir); r.code != 0 {
			t.Errorf("%+v", r)
		}
		if r := call(t, nil, "trace", "of-"+filepath.Base(dir), "--data", dir); r.code != 0 {
			t.Errorf("it did not come: %+v", r)
		}
		if r := call(t, nil, "trace", "of-"+filepath.Base(dir), "--data", other); r.code != exitFailed || !strings.Contains(r.err, "no such delivery") {
			t.Errorf("it came to the other: %+v", r)
		}
	}
}

func TestAnUnknownDeadLetterNamesTheCommandThatListsThem(t *testing.T) {
	dir := t.TempDir()
	served(t, dir, func(*serve.Machine) {
		r := call(t, nil, "dead-letters", "show", "3f0c2a9d17", "--data", dir)
		if r.code != exitFailed || !strings.Contains(r.err, "'revento-alerts dead-letters list --data "+dir+"'") {
			t.Errorf("%+v", r)
		}
	})
}
