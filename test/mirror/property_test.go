package mirror_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sandbox"
	"revento-alerts/shared/testkit/mishap"
)

var (
	lasting = flag.Duration("histories", 0, "play random histories for so long, and not only a few")
	first   = flag.Uint64("seed", 1, "the seed of the first history")
)

// few is how many histories are played where no time is given.
const few = 2

// Whatever happens to webhooks, calls and processes, and however the world changes while it is read: the mirror ends equal to it, nobody
// is declared gone who is there, and everybody who is gone is told exactly once.
func TestTheMirrorEndsEqualToTheWorld(t *testing.T) {
	began, played := time.Now(), uint64(0)
	var sum tally
	for played < few || time.Since(began) < *lasting {
		seed := *first + played
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { sum.add(play(t, seed)) }) {
			t.Fatalf("the history of -seed %d ends wrong", seed)
		}
		played++
	}
	t.Logf("%d histories: %+v", played, sum)
}

// tally is what happened in histories, so that a property of nothing is not taken for one.
type tally struct{ Passes, Failed, Changes, Mishaps, Gone, Held int }

func (s *tally) add(o tally) {
	s.Passes, s.Failed, s.Changes, s.Mishaps = s.Passes+o.Passes, s.Failed+o.Failed, s.Changes+o.Changes, s.Mishaps+o.Mishaps
	s.Gone, s.Held = s.Gone+o.Gone, s.Held+o.Held
}

// history is a world in which things happen at random.
type history struct {
	*world
	*rand.Rand
	tally
	// failed and held are the last passes that were so.
	failed, held int64
	// wild says that calls go wrong.
	wild bool
	// gone are those who were taken away.
	gone map[string]bool
	// there are those who are there, as far as the history knows, in any order.
	there []string
}

func play(t *testing.T, seed uint64) tally {
	h := &history{Rand: rand.New(rand.NewPCG(seed, 0)), gone: map[string]bool{}}
	h.world = newWorld(t, options{participants: 40 + h.IntN(90), schedule: "rate(1 hour)", plan: mishap.Through(h.mishap)})
	h.MoveClock(time.Duration(h.IntN(181)-90) * time.Second) // clocks that differ
	for n := range h.participants() {
		h.there = append(h.there, fmt.Sprintf("ptp_sandbox_1_%03d", n+1))
	}
	h.during = h.meanwhile
	h.wild = true
	for range 30 + h.IntN(30) {
		h.changes()
		h.goes(time.Duration(h.IntN(25))*time.Minute, 15*time.Second, func() bool { return false })
		h.looks()
	}
	h.ends()
	return h.tally
}

// looks counts what became of the last pass.
func (h *history) looks() {
	standing := h.stands()
	if standing.State == pass.Failed && standing.Number > h.failed {
		h.failed = standing.Number
		h.Failed++
	}
	if held := standing.Held; held != nil && held.Pass > h.held {
		h.held = held.Pass
		h.Held++
	}
}

// participants is how many the event has.
func (h *history) participants() int { return h.Look(event).Events[0].Participants }

// mishap is what goes wrong with one call in two hundred. What only reads is left alone, some of it at the same time. So are tokens: that
// a rotation is lost has tests of its own.
func (h *history) mishap(operation string, call func() error) error {
	if strings.HasPrefix(operation, "records.Get") || strings.Contains(operation, "token") || !h.wild || h.IntN(200) > 0 {
		return call()
	}
	h.Mishaps++
	switch h.IntN(4) {
	case 0:
		return mishap.Die()
	case 1:
		_ = call()
		return mishap.Die()
	case 2:
		return mishap.ErrRefused
	default:
		_ = call()
		return mishap.ErrLost
	}
}

// meanwhile has the world change while it is read, but not while it is read a second time to confirm who is missing: a row that moves
// in both cannot be told from one that is gone.
func (h *history) meanwhile() {
	summary, err := h.mirror.Summary(context.Background(), h.of)
	if err == nil && summary.MissingOnce == 0 && h.IntN(8) == 0 {
		h.change()
	}
}

// changes is what happens at one moment: to the world, to its webhooks, to its API.
func (h *history) changes() {
	switch h.IntN(8) {
	case 0:
		what := []sandbox.Treatment{sandbox.Lost, sandbox.Delayed, sandbox.Repeated, sandbox.Reordered}[h.IntN(4)]
		h.must(h.Treat(what, 1+h.IntN(4), time.Duration(h.IntN(180))*time.Minute))
	case 1:
		kinds := []sandbox.FaultKind{
			sandbox.FaultFail, sandbox.FaultGateway, sandbox.FaultDrop, sandbox.FaultLoseReply, sandbox.FaultCut, sandbox.FaultNoDate, sandbox.FaultThrottle,
			sandbox.FaultCrowd, sandbox.FaultEmpty, sandbox.FaultRepeatCursor,
		}
		at := []sandbox.Place{sandbox.PlaceParticipants, sandbox.PlaceActivities, sandbox.PlaceProgram}[h.IntN(3)]
		h.must(h.Break(sandbox.Fault{
			Kind: kinds[h.IntN(len(kinds))], At: at, Skip: h.IntN(3), Times: 1 + h.IntN(2), Delay: time.Duration(h.IntN(5)) * time.Minute,
		}))
	}
	for range h.IntN(4) {
		h.change()
	}
}

// change is one change of the world.
func (h *history) change() {
	h.Changes++
	i := h.IntN(len(h.there))
	id := h.there[i]
	switch h.IntN(9) {
	case 0:
		applied, err := h.Apply(event)
		h.must(err)
		h.there = append(h.there, applied)
	case 1:
		if len(h.there) > 20 {
			h.must(h.Cancel(event, id))
			h.gone[id], h.there = true, slices.Delete(h.there, i, i+1)
		}
	case 2, 3:
		h.must(h.Review(event, id, []string{sandbox.Approved, sandbox.Rejected, sandbox.RevisionRequested}[h.IntN(3)]))
	case 4:
		h.must(h.Register(event, id))
	case 5:
		h.must(h.Rename(event, id, fmt.Sprint("Name ", h.IntN(1000))))
	case 6:
		h.must(h.Move(event, id, h.IntN(len(h.there))))
	case 7:
		h.must(h.SignUp(event, "act_sandbox_1_1", h.IntN(20)))
	default:
		h.must(h.ChangeActivity(event, "act_sandbox_1_2", fmt.Sprint("Name ", h.IntN(1000))))
	}
}

func (h *history) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// ends lets the world rest until two passes showed the same, and compares.
func (h *history) ends() {
	h.Helper()
	h.wild, h.during = false, nil
	h.Mend()
	h.goes(4*time.Hour, time.Minute, func() bool { return false }) // what was delayed comes
	for rests := false; !rests; {
		from := h.stands().Last.Number
		h.goes(6*time.Hour, time.Minute, func() bool { return h.stands().Last.Number >= from+2 })
		standing := h.stands()
		if standing.Last.Number < from+2 {
			h.Fatalf("no pass is complete: %+v", standing)
		}
		summary, err := h.mirror.Summary(h.Context(), h.of)
		h.must(err)
		held := standing.Held
		rests = summary.MissingOnce == 0 && (held == nil || held.Accepts(h.clock))
		if held != nil && !held.Accepts(h.clock) {
			h.must(h.passes.Accept(h.Context(), h.of, held.Pass))
		}
	}
	h.Passes = int(h.stands().Number)
	h.wantsEqual()
	h.wantsToldOnce()
}

// wantsEqual compares what the mirror keeps with what the API shows.
func (h *history) wantsEqual() {
	h.Helper()
	for list, thing := range map[pass.List]mirror.Thing{
		"participants": mirror.Participant, "activities": mirror.Activity, "program": mirror.Program, "threads": mirror.Thread,
	} {
		want := map[string]string{}
		for _, document := range h.reads(list) {
			want[text(document, "id")] = shown(thing, document)
		}
		got := map[string]string{}
		for row, err := range h.mirror.Rows(h.Context(), h.of, thing) {
			h.must(err)
			if row.Presence == mirror.Cancelled {
				if !h.gone[row.ID] {
					h.Errorf("%s is there, and counts as gone", row.ID)
				}
				continue
			}
			if row.Presence != mirror.Present {
				h.Errorf("%s is %s at the end", row.ID, row.Presence)
			}
			got[row.ID] = shown(thing, row.Parts[mirror.Part(thing)].Document)
			if thing == mirror.Participant {
				if status := text(row.Parts[mirror.ParticipantPart].Document, "application_status"); row.Application != status {
					h.Errorf("%s is %s, and its document says %s", row.ID, row.Application, status)
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			h.Errorf("%s (-world +mirror):\n%s", list, diff)
		}
	}
	summary, err := h.mirror.Summary(h.Context(), h.of)
	h.must(err)
	if summary.Total() != len(h.there) || summary.MissingOnce != 0 {
		h.Errorf("the summary counts %d, %d of them missing once; %d are there", summary.Total(), summary.MissingOnce, len(h.there))
	}
}

// shown is what of a document is compared: all that changes.
func shown(thing mirror.Thing, document json.RawMessage) string {
	names := []string{"name"}
	switch thing {
	case mirror.Participant:
		names = []string{"display_name", "application_status", "status", "last_review_action", "last_reviewed_at", "registered_at"}
	case mirror.Program:
		names = []string{"activity_id", "starts_at"}
	}
	var values []string
	for _, name := range names {
		values = append(values, text(document, name))
	}
	return strings.Join(values, " | ")
}

func text(document json.RawMessage, name string) string {
	var fields map[string]any
	if json.Unmarshal(document, &fields) != nil || fields[name] == nil {
		return ""
	}
	return fmt.Sprint(fields[name])
}

// reads reads a list to its end, as anybody could.
func (h *history) reads(list pass.List) (documents []json.RawMessage) {
	h.Helper()
	h.clock = h.clock.Add(time.Hour) // Revento's limits
	err := h.keeper.Call(h.Context(), h.of, func(ctx context.Context, access grant.Access) error {
		documents = nil
		for cursor, more := "", true; more; {
			page, err := h.list(ctx, access.Access, list, cursor)
			if err != nil {
				return err
			}
			documents, cursor, more = append(documents, page.Documents...), page.Next, page.More
		}
		return nil
	})
	h.must(err)
	return documents
}

func (h *history) list(ctx context.Context, access revento.Access, list pass.List, cursor string) (pass.Page, error) {
	page, _, err := h.page(ctx, access, list, cursor)
	return page, err
}

// wantsToldOnce looks at who was told of as gone: everybody who is gone of whom the mirror knew, once, and nobody else.
func (h *history) wantsToldOnce() {
	h.Helper()
	times := map[string]int{}
	for _, own := range h.inOrder {
		if own.Type == revento.TypeParticipantCancelled {
			times[own.ResourceID]++
		}
	}
	for id, count := range times {
		if !h.gone[id] || count != 1 {
			h.Errorf("%s was told of %d times as gone; is it: %t", id, count, h.gone[id])
		}
	}
	for row, err := range h.mirror.Rows(h.Context(), h.of, mirror.Participant) {
		h.must(err)
		if h.gone[row.ID] && times[row.ID] != 1 {
			h.Errorf("%s is gone, and was told of %d times", row.ID, times[row.ID])
		}
	}
	h.Gone = len(times)
}
