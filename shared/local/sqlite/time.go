package sqlite

import (
	"fmt"
	"time"
)

// stampLayout has one width for all years from 0 to 9999, so that stamps sort as text.
const stampLayout = "2006-01-02T15:04:05.000000000Z"

func stamp(at time.Time) string { return at.UTC().Format(stampLayout) }

func parseStamp(text string) (time.Time, error) {
	at, err := time.Parse(stampLayout, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("read a stored time: %w", err)
	}
	return at, nil
}

// moment is a time that is scanned from its stamp.
type moment time.Time

// Scan implements sql.Scanner.
func (m *moment) Scan(stored any) error {
	text, ok := stored.(string)
	if !ok {
		return fmt.Errorf("read a stored time: it is no text but %T", stored)
	}
	at, err := parseStamp(text)
	*m = moment(at)
	return err
}
