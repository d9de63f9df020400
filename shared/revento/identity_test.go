package revento_test

import (
	"fmt"
	"testing"

	"revento-alerts/shared/revento"
)

const identityBody = `{"id":"env_1","type":"application.approved","occurred_at":"2026-05-09T14:22:31Z",` +
	`"event_id":"evt_1","organization_id":"org_1","data":{"id":"app_1","status":"approved"}}`

func identityOf(t *testing.T, body string) revento.Identity {
	t.Helper()
	envelope, err := revento.ParseEnvelope([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return envelope.Identity([]byte(body))
}

func TestIdentityIsStable(t *testing.T) {
	// Recorded dedupe keys outlive a release, so the hash must never change.
	const want = "8c7fd61a599e3193c61f1ae1f970ba4d08d2b931dc573131fb8c334fb6a73682"
	if got := identityOf(t, identityBody); got != want {
		t.Errorf("identity of the sample = %s, want %s", got, want)
	}
}

// body is an envelope; an empty resource is one that is missing.
func body(eventType, at, event, organization, resource string) string {
	data := `{}`
	if resource != "" {
		data = `{"id":"` + resource + `"}`
	}
	return fmt.Sprintf(`{"data":%s,"type":%q,"occurred_at":%q,"event_id":%q,"organization_id":%q}`, data, eventType, at, event, organization)
}

func TestIdentity(t *testing.T) {
	const at = "2026-05-09T14:22:31Z"
	approved := body("application.approved", at, "evt_1", "org_1", "app_1")
	tests := []struct {
		name string
		a, b string
		same bool
	}{
		{"a retry whose body is written differently", identityBody, approved, true},
		{"the same moment in another zone", approved, body("application.approved", "2026-05-09T16:22:31.000+02:00", "evt_1", "org_1", "app_1"), true},
		{"another type", approved, body("application.rejected", at, "evt_1", "org_1", "app_1"), false},
		{"another event", approved, body("application.approved", at, "evt_2", "org_1", "app_1"), false},
		{"another organization", approved, body("application.approved", at, "evt_1", "org_2", "app_1"), false},
		{"another resource", approved, body("application.approved", at, "evt_1", "org_1", "app_2"), false},
		{"a millisecond later", approved, body("application.approved", "2026-05-09T14:22:31.001Z", "evt_1", "org_1", "app_1"), false},
		{"ids that run together when joined", body("a", at, "x", "yz", "1"), body("a", at, "xy", "z", "1"), false},
		{"without a moment the body counts", `{"type":"a","data":{"id":"1"},"n":1}`, `{"type":"a","data":{"id":"1"},"n":2}`, false},
		{"with an unreadable moment the body counts", body("a", "soon", "", "", "1"), body("a", "later", "", "", "1"), false},
		{"without a resource the body counts", body("a", at, "", "", ""), body("a", at, "", "", "") + " ", false},
		{"the same body without a moment", `{"type":"a","data":{"id":"1"}}`, `{"type":"a","data":{"id":"1"}}`, true},
		{"two users' deletion requests", `{"type":"data.deletion_required","occurred_at":"2026-05-09T14:22:31Z","data":{"user_id":"usr_1"}}`,
			`{"type":"data.deletion_required","occurred_at":"2026-05-09T14:22:31Z","data":{"user_id":"usr_2"}}`, false},
		{"a deletion request needs no resource",
			body("data.deletion_required", at, "evt_1", "", ""), body("data.deletion_required", at, "evt_1", "", "") + " ", true},
		{"a deletion request of another connection",
			body("data.deletion_required", at, "evt_1", "", ""), body("data.deletion_required", at, "evt_2", "", ""), false},
		{"a deletion request without a moment: the body counts",
			body("data.deletion_required", "", "evt_1", "", ""), body("data.deletion_required", "", "evt_1", "", "") + " ", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, b := identityOf(t, test.a), identityOf(t, test.b)
			if same := a == b; same != test.same {
				t.Errorf("same identity: %v, want %v", same, test.same)
			}
		})
	}
}
