package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"revento-alerts/shared/api"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/sqlite"
)

// addressFile is the file in the data folder that names where serve is reached while it runs.
const addressFile = "address"

// writeAddress tells the commands where this process is reached. A file that a crash left behind is written over.
func writeAddress(dir, base string) error {
	if err := os.WriteFile(filepath.Join(dir, addressFile), []byte(base+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the address for the commands: %w", err)
	}
	return nil
}

// Operator is the operator's side of a data folder: serve's where it runs, or the folder opened by this process.
type Operator struct {
	*api.Client
	engine *sqlite.Engine
}

// Operate returns the operator's side of a data folder. Its error names the remedy. Settings that are wrong are no error here:
// the API tells of them, and its check lists them.
func Operate(ctx context.Context, dir string, source settings.Source) (*Operator, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no data folder %s: start 'revento-alerts serve' first, or name its folder with --data", dir)
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
	site.Invalid = errors.Join(failures...)
	return &Operator{Client: api.Within(site.Backend()), engine: engine}, nil
}

// running returns the operator's side of the serve that has the data folder.
func running(dir string, inUse error) (*Operator, error) {
	base, err := os.ReadFile(filepath.Join(dir, addressFile))
	if err != nil {
		return nil, errors.Join(inUse, fmt.Errorf("find where it is reached: %w", err))
	}
	return &Operator{Client: api.NewClient(strings.TrimSpace(string(base)))}, nil
}

// Close gives the data folder back.
func (o *Operator) Close() error {
	if o.engine == nil {
		return nil
	}
	return o.engine.Close()
}
