package digest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"revento-alerts/shared/alerting/record"
)

// listReserve is the time kept for telling what was listed: an index that is longer than there is time for is told of as far as
// it was read. In the forty seconds before it, DynamoDB reads half a million entries, of some 500 bytes, in pages of 1 MB.
const listReserve = 20 * time.Second

// backlog is what seems to wait for a channel. Of a channel with more than one digest can tell, it holds the entries that were
// received first, so that no channel's events crowd out another's, nor new events old ones.
type backlog struct {
	channel string
	events  int
	oldest  []pending // in any order, those that one digest can count among them
}

// pending is an entry that seems to be pending, as the index shows it but for its key.
type pending struct {
	key        record.Key
	receivedAt time.Time
}

// add notes an entry. It keeps no more than twice what a digest can count.
func (b *backlog) add(shown entryRecord) {
	b.events++
	b.oldest = append(b.oldest, pending{shown.Key, shown.Value.ReceivedAt})
	if len(b.oldest) == 2*maxMembers {
		b.cut()
	}
}

// cut keeps what one digest can count, in the order of receipt.
func (b *backlog) cut() {
	slices.SortFunc(b.oldest, func(a, b pending) int {
		return cmp.Or(a.receivedAt.Compare(b.receivedAt), cmp.Compare(a.key.ID, b.key.ID))
	})
	b.oldest = b.oldest[:min(len(b.oldest), maxMembers)]
}

// first returns what was received first, as much as one digest can count.
func (b *backlog) first() []pending {
	b.cut()
	return b.oldest
}

// waiting lists what seems to wait for each channel, the shortest list first: a busy channel keeps no quiet one waiting.
func (t *Task) waiting(ctx context.Context) ([]*backlog, error) {
	byChannel := map[string]*backlog{}
	for stored, err := range t.Records.Pending(ctx, pendingEntries) {
		if err != nil {
			return nil, fmt.Errorf("list the events that wait for a digest: %w", err)
		}
		shown, err := record.Decode[entry](stored)
		if err != nil {
			return nil, err
		}
		shown.Key.Connection = shown.Value.connection()
		of, known := byChannel[shown.Value.Channel]
		if !known {
			of = &backlog{channel: shown.Value.Channel}
			byChannel[of.channel] = of
		}
		of.add(shown)
		if isShortOf(ctx, listReserve) {
			break
		}
	}
	return slices.SortedFunc(maps.Values(byChannel), func(a, b *backlog) int {
		return cmp.Or(cmp.Compare(a.events, b.events), cmp.Compare(a.channel, b.channel))
	}), nil
}
