package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/private"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/operate/access"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/settings"
)

// The files in the data folder that name where serve is reached while it runs: the base URL of each side.
const (
	addressFile         = "address"
	operatorAddressFile = "operator-address"
)

// writeAddresses tells the commands where this process is reached. Files that a crash left behind are written over.
func writeAddresses(dir, public, operator string) error {
	for name, base := range map[string]string{addressFile: public, operatorAddressFile: operator} {
		if err := private.Write(filepath.Join(dir, name), []byte(base+"\n")); err != nil {
			return fmt.Errorf("write the address for the commands: %w", err)
		}
	}
	return nil
}

// ReadAddress returns the base URL of the public side of the serve that has a data folder, or had it when it last ran. It returns
// fs.ErrNotExist where none has.
func ReadAddress(dir string) (string, error) { return readAddress(dir, addressFile) }

func readAddress(dir, name string) (string, error) {
	base, err := private.Read(filepath.Join(dir, name))
	if err != nil {
		return "", fmt.Errorf("find where serve is reached: %w", err)
	}
	return strings.TrimSpace(string(base)), nil
}

// Operator is the operator's side of a data folder: serve's where it runs, or the folder opened by this process.
type Operator struct {
	*api.Client
	engine *sqlite.Engine
}

// Operate returns the operator's side of a data folder. Its error names the remedy. Settings that are wrong are no error here:
// the API tells of them, and its check lists them. log takes the lines of what is done in this process.
func Operate(ctx context.Context, dir string, source settings.Source, log io.Writer) (*Operator, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no data folder %s: start '%s' first, or name another folder with --data", dir, placeOf(dir).Installation.Command("serve"))
	}
	engine, err := sqlite.Open(ctx, dir, time.Now)
	if errors.Is(err, sqlite.ErrInUse) {
		return running(dir, err)
	}
	if err != nil {
		return nil, err
	}
	source = Defaults(source)
	all, failures := settings.LoadAll(source)
	site := siteOf(engine, dir, "", source, all, stoppedProviders(source, all, dir))
	site.Invalid, site.Names = errors.Join(failures...), queue.Names // what is left of connections can be seen
	site.Log = telemetry.New(log, telemetry.Options{Level: all.Ingest.LogLevel, Stack: all.Ingest.Stack})
	site.Connections = stoppedConnections(site.Engine, all)
	backend := site.Backend()
	stopped(&backend, site.Engine, all, source, dir)
	return &Operator{Client: api.Within(backend), engine: engine}, nil
}

// running returns the operator's side of the serve that has the data folder.
func running(dir string, inUse error) (*Operator, error) {
	base, err := readAddress(dir, operatorAddressFile)
	if err != nil {
		return nil, errors.Join(inUse, err)
	}
	token, err := access.ReadToken(dir)
	if err != nil {
		return nil, errors.Join(inUse, err)
	}
	return &Operator{Client: api.NewClient(base, token, placeOf(dir).Installation)}, nil
}

// Close gives the data folder back.
func (o *Operator) Close() error {
	if o.engine == nil {
		return nil
	}
	return o.engine.Close()
}
