package deadletter

import (
	"context"
	"errors"
	"log/slog"

	"revento-alerts/shared/alerting/ingest"
)

// logged begins the line of a redrive or a drop. What it returns ends the line with what became of it.
func (d *Desk) logged(ctx context.Context, what string, selection Selection) (end func(*[]Result, *error)) {
	if d.Telemetry == nil {
		return func(*[]Result, *error) {}
	}
	line := d.Telemetry.Begin("dead_letters")
	line.Set("what", what)
	line.Set("by", selection.By)
	line.Set("ids", len(selection.IDs))
	line.Set("reason", selection.Reason)
	line.Set("queues", d.queues(selection))
	return func(results *[]Result, failure *error) {
		counts, reasons := map[Outcome]int{}, map[string]int{}
		for _, result := range *results {
			counts[result.Outcome]++
			if result.Letter.Reason != "" {
				reasons[result.Letter.Reason]++
			}
		}
		for _, outcome := range []Outcome{Redriven, Dropped, Kept, Missing} {
			line.Set(string(outcome), counts[outcome])
		}
		line.Set("reasons", reasons)
		if *failure != nil {
			line.Raise(slog.LevelWarn)
			line.Set("error", (*failure).Error())
		}
		if unfinished, ok := errors.AsType[*Unfinished](*failure); ok {
			line.Set("hidden", unfinished.Hidden)
			line.Set("left", unfinished.Left)
		}
		line.End(context.WithoutCancel(ctx))
	}
}

// write writes on the story of a letter's delivery what is done with it. What keeps it from that is no reason not to do it, and is
// returned for the result's note.
func (d *Desk) write(ctx context.Context, letter Letter, what Outcome, by string) (note string) {
	if d.Annals == nil || letter.DeliveryID == "" {
		return ""
	}
	now := d.Now()
	deed := ingest.Deed{
		At: now.UTC(), What: string(what), Kind: letter.Kind, Channel: letter.Channel, AlertKey: letter.AlertKey, Reason: letter.Reason, By: by,
	}
	if err := ingest.Note(ctx, d.Annals, letter.DeliveryID, deed, now); err != nil {
		return "trace does not tell of it: " + err.Error()
	}
	return ""
}
