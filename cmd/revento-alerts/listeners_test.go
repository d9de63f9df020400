//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The recorder once had a port, which any page and any user of the machine could call. The sandbox has one, as Revento has.
func TestServeListensOnItsTwoSidesAndForTheSandboxAndNowhereElse(t *testing.T) {
	for name, test := range map[string]struct {
		variable string
		sandbox  int
	}{
		"nothing is real":       {"SLACK_POST_INTERVAL=0s", 1},
		"a provider's own URL":  {"PAGERDUTY_EVENTS_URL=http://127.0.0.1:1", 0},
		"Revento's API is real": {"REVENTO_API_URL=https://api.revento.example/api/v1", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := serves(t, func(command *exec.Cmd) { command.Env = append(command.Env, test.variable) })
			listens := p.listens()
			for _, file := range []string{"address", "operator-address"} {
				if !slices.Contains(listens, p.port(file)) {
					t.Errorf("it listens on %v, and not on the port of %s", listens, file)
				}
			}
			if len(listens) != 2+test.sandbox {
				t.Errorf("it listens on %v, want %d ports", listens, 2+test.sandbox)
			}
			p.ends(syscall.SIGTERM)
		})
	}
}

// port is the port of an address file.
func (p *process) port(file string) string {
	p.Helper()
	address, err := os.ReadFile(filepath.Join(p.dir, file))
	if err != nil {
		p.Fatal(err)
	}
	return strings.TrimSpace(string(address[strings.LastIndexByte(string(address), ':')+1:]))
}

// listens is on which TCP ports the process listens. https://docs.kernel.org/networking/proc_net_tcp.html
func (p *process) listens() (ports []string) {
	p.Helper()
	proc := fmt.Sprintf("/proc/%d", p.command.Process.Pid)
	entries, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		p.Fatal(err)
	}
	own := map[string]bool{}
	for _, entry := range entries {
		link, _ := os.Readlink(filepath.Join(proc, "fd", entry.Name())) // it may be closed by now
		own[strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]")] = true
	}
	for _, table := range []string{"net/tcp", "net/tcp6"} {
		content, err := os.ReadFile(filepath.Join(proc, table))
		if err != nil {
			p.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			const local, state, inode, listening = 1, 3, 9, "0A"
			fields := strings.Fields(line)
			if len(fields) <= inode || fields[state] != listening || !own[fields[inode]] {
				continue
			}
			_, digits, _ := strings.Cut(fields[local], ":")
			port, err := strconv.ParseUint(digits, 16, 16)
			if err != nil {
				p.Fatal(err)
			}
			ports = append(ports, strconv.FormatUint(port, 10))
		}
	}
	slices.Sort(ports)
	return ports
}
