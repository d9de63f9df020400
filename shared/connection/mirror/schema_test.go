package mirror

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/test/schema"
)

const sampleLife connection.Life = "2026-05-09T11:00:00.000000000Z"

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := noon
	seen := Seen{Pass: 3, At: at}
	schema.CheckRecord(t, record.Row, stored{
		Life: sampleLife, Presence: MissingOnce, FirstSeen: seen, LastSeen: seen, MissingSince: seen, KnownSince: at, Sealed: "1.9a49be78d95dee0d.AAAA",
	})
	schema.CheckRecord(t, record.Summary, Summary{
		Life: sampleLife, Name: "Summit", StartDate: "2026-06-01", EndDate: "2026-06-03", PublishStatus: "published",
		Counts:      Counts{ByStatus: map[string]int{"approved": 2}, Present: 1, MissingOnce: 1, Cancelled: 3},
		CancelledOn: Day{Date: "2026-05-09", Cancelled: 3}, Changes: 9, LastPass: Pass{Number: 3, StartedAt: at}, Completed: Pass{Number: 2, StartedAt: at}, CompletedAt: at,
		Freshness: map[Thing]time.Time{Participant: at}, OpenIncidents: 1, Deletion: DeletionDate{At: at, State: "scheduled"},
		Unidentified: 4, Unreadable: 5,
	})
	schema.CheckRecord(t, record.Forgotten, forgotten{})
}

// sample is what is sealed, every field of it set.
func sample() inside {
	stamp := Stamp{AsOf: noon, At: noon, Source: ByList, Pass: 3, Loose: true, MarkedAt: noon}
	return inside{
		ID: "ptp_1", Parts: map[Part]Opened{ParticipantPart: {Document: json.RawMessage(`{"id":"ptp_1"}`), Stamp: stamp}},
		Application: "approved", Registration: "registered", ApplicationOf: stamp, RegistrationOf: stamp,
		Turned: Turn{From: "pending", To: "approved", Stamp: stamp},
		Heard:  map[string]time.Time{"application.approved": noon}, HeardAt: noon, Told: map[string]time.Time{"cancelled": noon},
		ApplicationID: "app_1", UserID: "usr_1", Name: "Ada",
	}
}

// A form or derivation that changed would lose every row that is stored. The value was sealed by the version that first sealed rows.
func TestARowThatWasSealedByAnEarlierVersionOpens(t *testing.T) {
	ring, err := seal.Parse(strings.Repeat("k", 43))
	if err == nil {
		ring, err = ring.Seeded([]byte(strings.Repeat("s", seal.SeedBytes)))
	}
	if err != nil {
		t.Fatal(err)
	}
	life := &lifeOf{of: record.Connection{EventID: "evt_1", OrganizationID: "org_1"}, life: sampleLife, ring: ring}
	key := keyOf(life.of, Participant, "ptp_1")
	opened, err := (&Mirror{}).unseal(t.Context(), life, life.about(key, 2), earlier)
	if err != nil {
		plain, _ := json.Marshal(sample())
		sealed, _ := ring.Seal(life.about(key, 2), plain)
		t.Fatalf("%v: today it is sealed as %s", err, sealed)
	}
	if diff := cmp.Diff(sample(), opened); diff != "" {
		t.Errorf("it is read as something else (-want +got):\n%s", diff)
	}
}

const earlier seal.Sealed = "1.9a49be78d95dee0d.Mn28N8mHQDg6VKis3W7y4RcYSIKbpapVlOWFGt2mN9brBXZBbbnThs3P6IPsGVw3FFiUr9R9GE-7nj80ByfJ3m0dWiD0YWjGPCkwHGmeryR1xjxhCsdMrjR1uz3d1lewdJqqkQZO2WNDw7HuJbG2n1XKWdCoSHL7zEyF9kTi6pxolhj_nh2kUP8rTaQTAMprcSdbQCDGoy1ItbupsxkQ3x_mNmy7yqxyfn_NEGALVEqu22VkAkuPmvXRj5Ytm77emZyVyYRTcdPs3_CmcqdvLyQqIxtppKTV4Bze2P8pesn4lDxyXGVtXWNp2-6BD25SBAcl3CrGEJdkMow5l_xJqYuot_ClkN1sWgFLyHutUAgFyQnVPLjUz7CKJUCU5QY9PYATMSLE1fP53G9AfVMEdNuef4vLqjQ2IpVBYOEJug_DiNrnNLnwl4wgW-XyGyNgz3KtaENSfoRWfbrqOW9eXGnhZ5fpJtPHO0bDuKHYst406s8vLb7hW1qQ4reWP7mJKS2yD8dvw4eG0CXFipHtM-BQc3n7oCYdPeaG_TWNzkM1Ccj-5_tAeJ3hbmDAjlVm5Cfckys9ueC4AKFChn3UGsWMrxcV48wpTH1bPVi_EEjCTpTUz_vPjB8Vm_Jal6O71V_SY__ct1pDWhtsejh-LLJbCI5yusO8bQIcEEkDioIxZvDCdZ85cX1zRc_Fu-9y1SXsgJ64qmv3Kf5KnShWHWLOj2QR6rL84LQnhdFMeymvnLkLQ2qcJLjKLkdJHbaXS6ywYwFU8g8cqdVKsLCo2t8IzB8yowb7aAVgzxXe6EsiQvERYFbDKz6SHdbmvtoCrIj7fbKkrAqSnA8qLWc5MSQ9ukV11xuWxr9RbeoJwCRGauaxDDiygf4M08dRyOY5SGv6lmfrg-MS4Q0K6n4R5kC2ERNGsAsq4cDslsuhEcGU4xOj0BTZ2ogTQLAZJQ3zJccWgzNz4Tc-Wpu_lkJobxZB84I4JX_dfhBRUks2FnM8Wzu6fcw5i3rI9ByLutfj-3yEmnhf08SAaSdigj_ZK-Io8v0fLXyfHDJ7ehAa_ic0_jM_h6CiwKvubY5ym-8O-Lvxbbxo0LVhGchE1cSi-a4CP3CgjCLbgP5zEl2MegcWOAB9e5ZSlRZ9JSFBT2L7R0scnWeHNwVKDMeBbxY86im9_wlgn7FBBQ_wMGekuM-Q25nbVfpArfeClgQXASwypvZfZa8Gr1D110CjyCKzb17UdOMefaVr2SjKkOacJVlthNlrxm8b8IAECx8fag"
