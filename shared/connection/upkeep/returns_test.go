package upkeep_test

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

// requires has a deletion of up to now required of evt_1.
func (b *bench) requires(caseID string) {
	b.Helper()
	stop := connection.Stop{Case: caseID, Cutoff: b.clock}
	if _, err := connection.Require(b.Context(), b.deletions, of("evt_1"), stop, b.clock.AddDate(3, 0, 0)); err != nil {
		b.Fatal(err)
	}
	b.clock = b.clock.Add(time.Minute)
}

func TestAConsentAfterADeletionIsToldOnceWhateverTheProbesShow(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.ticks()
		b.wantsTold("")
		for _, want := range []string{"restored consented", "restored consented, restored consented"} {
			b.requires(want)
			b.passes(time.Hour)
			b.answers["evt_1"] = health.Limited
			b.connects("evt_1")
			b.passes(20 * time.Minute)
			b.answers["evt_1"] = ""
			b.passes(2 * time.Hour)
			b.wantsTold(want)
			last := b.told[len(b.told)-1]
			if s := b.standing("evt_1"); !last.Consented.Equal(s.ConnectedAt) || !last.OccurredAt.Equal(s.ConnectedAt) || last.ResourceID == "evt_1" {
				t.Errorf("told %+v", last)
			}
		}
	})
}

// Who works on what is told keeps that the connection is back: it is not told again.
func TestWhatIsAnnouncedIsNotToldAgain(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.requires("first")
		b.connects("evt_1")
		b.ticks()
		tombstone, err := connection.LoadTombstone(t.Context(), b.deletions, of("evt_1"))
		if err != nil {
			t.Fatal(err)
		}
		if err := connection.NoteReturn(t.Context(), b.deletions, tombstone); err != nil {
			t.Fatal(err)
		}
		b.passes(3 * time.Hour)
		if b.wantsTold("restored consented"); b.delivered != 1 {
			t.Errorf("sent %d times", b.delivered)
		}
	})
}

// Whatever call goes wrong, and wherever the process dies: a consent after a deletion is told, and as one thing.
func TestWhateverGoesWrongAConsentAfterADeletionIsToldOnce(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		records := memory.NewRecords()
		b := newBench(t, records, records.Deletions, nil)
		b.requires("first")
		b.connects("evt_1")
		b.breaks(records, plan)
		b.runsAndDies()
		b.wantsTold("restored consented")
	})
}

// breaks lets a call go wrong from now on.
func (b *bench) breaks(records *memory.Records, plan *mishap.Plan) {
	b.plan = plan
	b.Records = struct {
		record.Store
		record.Index
	}{mishap.Records{Store: records, Plan: plan}, records}
	b.Registry = &connection.Registry{
		Records: registryRecords{mishap.Records{Store: records, Plan: plan}, records}, Deletions: mishap.Records{Store: records.Deletions, Plan: plan},
	}
}
