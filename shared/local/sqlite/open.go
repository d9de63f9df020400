package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// fileName is the database's name in the data folder. SQLite adds files beside it while it is open.
const fileName = "revento-alerts.db"

// Errors of Open, which are about the data folder as a whole.
var (
	// ErrInUse means that another process, or another Engine of this one, has the data folder.
	ErrInUse = errors.New("the data folder is in use")
	// ErrNewerSchema means that a later version of the program wrote the database.
	ErrNewerSchema = errors.New("the data folder was written by a newer version of this program")
)

var (
	//go:embed schema.sql
	schema string
	//go:embed schema-2.sql
	schemaStory string
	//go:embed schema-3.sql
	schemaDeletion string
	//go:embed schema-4.sql
	schemaPending string
	//go:embed schema-5.sql
	schemaUser string
	//go:embed schema-6.sql
	schemaReceived string
	//go:embed schema-7.sql
	schemaQueue string
	//go:embed schema-8.sql
	schemaProbe string
	//go:embed schema-9.sql
	schemaClock string
)

// migrations lead from each version of the schema to the next; the database's user_version says how many were done.
var migrations = []string{
	schema,
	schemaStory,
	schemaDeletion,
	schemaPending,
	schemaUser,
	schemaReceived,
	schemaQueue,
	schemaProbe,
	schemaClock,
}

// settings make a commit durable against power loss, let others read while one writes, and overwrite what is deleted. Each
// connection has them. https://sqlite.org/pragma.html
var settings = []string{
	"busy_timeout = 2000", // milliseconds, for a person's tool or a backup that has the file open
	"journal_mode = WAL",
	"synchronous = FULL",
	"fullfsync = ON", // on macOS fsync leaves what was written in the drive's cache; elsewhere this is nothing
	"secure_delete = ON",
	"temp_store = MEMORY", // what a savepoint keeps aside never goes to a disk
	"trusted_schema = OFF",
	"max_page_count = 16777215", // 64 GiB: the number of a page has three bytes, which Scrub relies on
	"cell_size_check = ON",      // a corrupt page is an error before it is used
}

// Open opens the database in dir, and creates both for their owner only where they are missing. The folder is this
// engine's until Close. Messages that a process took and did not finish are shown at once, and the deliveries that it had
// claimed are free: it is gone, or the folder would be in use. Messages that it deferred keep waiting. Open returns ErrInUse,
// ErrNewerSchema, and a StorageError where the folder or a file in it is not ours alone, cannot be used or is damaged. Each names
// the remedy.
func Open(ctx context.Context, dir string, now func() time.Time) (*Engine, error) {
	path, err := create(dir)
	if err != nil {
		return nil, fmt.Errorf("make the data folder %s: %w", dir, explained(err, dir))
	}
	// fdatasync is what SQLite uses where it was built for Linux: as durable, and faster. Other systems go without.
	if _, err := driver.Fdatasync(true); err != nil && !errors.Is(err, driver.ErrFdatasyncUnavailable) {
		return nil, fmt.Errorf("choose how to sync the data folder %s: %w", dir, err)
	}
	engine := newEngine(now)
	if err := engine.open(ctx, path); err != nil {
		return nil, errors.Join(explain(err, path), engine.release(len(engine.readers)))
	}
	go engine.work()
	return engine, nil
}

// create makes the folder and an empty file with their modes. A file that is there is not opened: closing it again would
// end the locks that this process has on it. https://sqlite.org/howtocorrupt.html (2.2)
func create(dir string) (path string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := checkOwner(dir); err != nil {
		return "", err
	}
	path = filepath.Join(dir, fileName)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	return path, file.Close()
}

// open takes the folder and opens the connections. What it has opened is the engine's, also where it returns an error.
func (e *Engine) open(ctx context.Context, path string) (err error) {
	e.path = path
	if e.lock, err = lock(filepath.Dir(path)); err != nil {
		return err
	}
	uri := "file:" + (&url.URL{Path: path}).EscapedPath()
	if e.writer, err = connect(ctx, uri); err != nil {
		return err
	}
	if err := inspect(ctx, e.writer.conn, path); err != nil {
		return err
	}
	if err := migrate(ctx, e.writer.conn); err != nil {
		return err
	}
	now := e.now()
	if err := e.writer.transaction(func() error { return inherit(e.writer, now) }); err != nil {
		return err
	}
	e.see(now, true)
	for range cap(e.readers) {
		reader, err := connect(ctx, uri+"?mode=ro")
		if err != nil {
			return err
		}
		e.readers <- reader
	}
	e.place, err = placeOf(path)
	return err
}

// inherit takes over from the process that had the folder before and is gone, and whose clock may have been ahead.
func inherit(s *session, now time.Time) error {
	if err := showUnfinished(s, now); err != nil {
		return err
	}
	if err := freeClaims(s); err != nil {
		return err
	}
	if err := setRight(s, now); err != nil {
		return err
	}
	return beginTime(s, now)
}

// inspectedBytes is the size up to which a database is inspected when it is opened: 0.4 s on two busy cores.
const inspectedBytes = 64 << 20

// inspect returns a StorageError for a database whose pages do not fit together, so that it shows itself before something is
// answered. A larger one is not read whole: there, damage shows itself when a page is used.
func inspect(ctx context.Context, conn *sql.Conn, path string) error {
	file, err := os.Stat(path)
	if err != nil {
		return err
	}
	if file.Size() > inspectedBytes {
		return nil
	}
	var found string
	if err := conn.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return storageFault(path, Damaged, errors.New(found))
	}
	return nil
}

// connect opens a connection with its settings.
func connect(ctx context.Context, uri string) (*session, error) {
	db, err := sql.Open("sqlite", uri)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &session{db: db, conn: conn, statements: map[string]*sql.Stmt{}, changed: map[subject]bool{}}
	for _, setting := range settings {
		if _, err := conn.ExecContext(ctx, "PRAGMA "+setting); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// migrate does what is left to do in one transaction. It writes in any case, so that a file that cannot be written to
// shows itself now.
func migrate(ctx context.Context, conn *sql.Conn) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := runMigrations(ctx, tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func runMigrations(ctx context.Context, tx *sql.Tx) error {
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("%w: its schema has version %d, this one knows up to %d", ErrNewerSchema, version, len(migrations))
	}
	for _, migration := range migrations[version:] {
		if _, err := tx.ExecContext(ctx, migration); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)))
	return err
}

// explain names the database, or its folder, and the remedy.
func explain(err error, path string) error {
	var failure *driver.Error
	dir := filepath.Dir(path)
	switch {
	case errors.Is(err, ErrNewerSchema):
		return fmt.Errorf("%w (%s): start that version, or choose another --data", err, dir)
	case errors.Is(err, ErrInUse), errors.As(err, &failure) && failure.Code()&0xff == codes.SQLITE_BUSY:
		return fmt.Errorf("%w (%s): stop the other `revento-alerts serve`, or choose another --data", ErrInUse, dir)
	default:
		return fmt.Errorf("open the data folder %s: %w", dir, explained(err, path))
	}
}
