package deletion

import (
	"context"
	"time"

	"revento-alerts/shared/alerting/record"
)

// SeedStore deletes the seeds without which nobody opens what is kept of people, as the mirror's does.
type SeedStore interface {
	// Delete deletes the seeds of the connection's lives that are over by a cutoff, and counts them.
	Delete(ctx context.Context, of record.Connection, cutoff time.Time) (int, error)
}

// placeSeeds names the keeper of seeds, wherever they are.
const placeSeeds = "seeds of rows"

// Seeds is the keeper of seeds. It forgets before anything else does: from then on no copy of what is to be deleted can be opened, in no
// backup and no file that was deleted. What was sealed meanwhile with a seed that was made anew goes with the look at the end.
func Seeds(store SeedStore) Keeper {
	return Keeper{
		Place: placeSeeds, First: true,
		Forget: func(ctx context.Context, c Case) (int, error) { return store.Delete(ctx, c.Connection(), c.Cutoff) },
		Remains: func(c Case) string {
			if c.Forgotten[placeSeeds] == 0 {
				return ""
			}
			return "backups: rows of participants and sessions, which nobody can open any more, since their seed was deleted first"
		},
	}
}
