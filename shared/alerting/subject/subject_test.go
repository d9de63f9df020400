package subject_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/subject"
)

// fields are those of DeletionFields' default.
var fields = alert.NewFieldFilter([]string{"id", "event_id", "organization_id", "reason", "*_at"})

func ofData(data string) subject.Subject {
	return subject.Of([]byte(`{"type":"data.deletion_required","event_id":"evt_1","organization_id":"org_1","data":`+data+`}`), fields)
}

func TestWhatDataIsAbout(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       subject.Kind
		keys       []string
	}{
		{"nothing", `{}`, subject.Connection, nil},
		{"null", `null`, subject.Connection, nil},
		{"an empty list, as some write an empty object", `[ ]`, subject.Connection, nil},
		{"an empty text", `""`, subject.Connection, nil},
		{"keys about the connection", `{"id":"del_1","event_id":"evt_1","organization_id":"org_1","reason":"archived","ended_at":"x"}`, subject.Connection, nil},
		{"keys about the connection within one", `{"reason":{"id":1,"given_at":null}}`, subject.Connection, nil},
		{"a person's word in a value that is no scope", `{"reason":"the user revoked it"}`, subject.Connection, nil},

		{"a user", `{"user_id":"usr_1"}`, subject.Person, nil},
		{"a user who is null: whoever it is about, it is not the connection", `{"user_id":null}`, subject.Person, nil},
		{"a user by number", `{"user_id":0}`, subject.Person, nil},
		{"users", `{"user_ids":["usr_1","usr_2"]}`, subject.Person, nil},
		{"a participant", `{"participant_id":"ptp_1"}`, subject.Person, nil},
		{"a person", `{"personId":1}`, subject.Person, nil},
		{"a profile", `{"profile":{}}`, subject.Person, nil},
		{"an attendee", `{"attendees":[]}`, subject.Person, nil},
		{"an address", `{"contact_email":"x"}`, subject.Person, nil},
		{"a user within", `{"reason":{"id":1,"by":{"user":{"id":"usr_1"}}}}`, subject.Person, nil},
		{"a user in a list", `[{"id":1},{"user_id":"usr_1"}]`, subject.Person, nil},
		{"a user in a list within", `{"reason":[[{"user":1}]]}`, subject.Person, nil},
		{"a user in another case", `{"User_ID":"usr_1"}`, subject.Person, nil},
		{"a user in capitals", `{"USER":"usr_1"}`, subject.Person, nil},
		{"a user with a long s", `{"u` + "\u017f" + `er_id":"usr_1"}`, subject.Person, nil},
		{"a user in wide letters", `{"ｕｓｅｒ＿ｉｄ":"usr_1"}`, subject.Person, nil},
		{"a user with a letter that nobody sees", `{"us` + "\u200b" + `er_id":"usr_1"}`, subject.Person, nil},
		{"a user in escapes", `{"\u0075ser_id":"usr_1"}`, subject.Person, nil},
		{"a user whose key comes twice, at last empty", `{"user_id":"usr_1","user_id":null}`, subject.Person, nil},
		{"a user among the moments", `{"user_left_at":"x"}`, subject.Person, nil},
		{"the scope of a user", `{"scope":"user"}`, subject.Person, nil},
		{"the scope of a user, in another case", `{"Scope":"USER"}`, subject.Person, nil},
		{"scopes", `{"data_scopes":["connection","participant"]}`, subject.Person, nil},
		{"a scope with more in it", `{"scope":{"type":"user","id":"usr_1"}}`, subject.Person, nil},
		{"a person beside what nobody knows", `{"export":1,"email":1}`, subject.Person, nil},

		{"a key that nobody knows", `{"export":"x"}`, subject.Unknown, []string{"export"}},
		{"a known key in another case", `{"Reason":"x"}`, subject.Unknown, []string{"Reason"}},
		{"the same key twice", `{"id":"1","id":"2"}`, subject.Unknown, []string{"id (twice)"}},
		{"a key that nobody knows within one", `{"reason":{"code":1}}`, subject.Unknown, []string{"reason.code"}},
		{"a key that nobody knows in a list", `{"reason":[1,{"code":1}]}`, subject.Unknown, []string{"reason.code"}},
		{"the scope of something else", `{"scope":"export"}`, subject.Unknown, []string{"scope"}},
		{"letters that look like a user's, in a moment", `{"u` + "\u0455" + `er_at":1}`, subject.Unknown, []string{"(no field's name)"}},
		{"a key that may be a person's name", `{"Anna Smith":1,"Bob":2}`, subject.Unknown, []string{"(no field's name)", "Bob"}},
		{"a text", `"text"`, subject.Unknown, []string{"data"}},
		{"a number", `0`, subject.Unknown, []string{"data"}},
		{"a list", `["evt_1"]`, subject.Unknown, []string{"data"}},
		{"a list of what is known", `[{"id":1}]`, subject.Unknown, []string{"data"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ofData(tt.data)
			if got.Kind != tt.want {
				t.Errorf("%s is about %s, want %s", tt.data, got.Kind, tt.want)
			}
			if diff := cmp.Diff(tt.keys, got.Keys); diff != "" {
				t.Errorf("the keys of %s (-want +got):\n%s", tt.data, diff)
			}
		})
	}
}

func TestWhatAnEnvelopeIsAbout(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       subject.Kind
		keys       []string
	}{
		{"no data", `{"type":"a"}`, subject.Connection, nil},
		{"a field that it gained", `{"type":"a","version":2,"links":{"self":"x"},"data":{}}`, subject.Connection, nil},
		{"a user beside the data", `{"type":"a","user_id":"usr_1","data":{}}`, subject.Person, nil},
		{"a user within a field that it gained", `{"type":"a","about":[{"user":1}]}`, subject.Person, nil},
		{"a scope beside the data", `{"type":"a","scope":"participant"}`, subject.Person, nil},
		{"data twice, a user in the first", `{"data":{"user_id":1},"type":"a","data":{}}`, subject.Person, nil},
		{"data twice", `{"data":{},"type":"a","data":{}}`, subject.Unknown, []string{"data (twice)"}},
		{"data in another case", `{"type":"a","Data":{"id":1}}`, subject.Unknown, []string{"Data"}},
		{"two events", `{"type":"a","event_id":"evt_1","event_id":"evt_2"}`, subject.Unknown, []string{"event_id (twice)"}},
		{"an event in another case", `{"type":"a","event_id":"evt_1","EVENT_ID":"evt_2"}`, subject.Unknown, []string{"EVENT_ID"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := subject.Of([]byte(tt.body), fields)
			if got.Kind != tt.want {
				t.Errorf("it is about %s, want %s", got.Kind, tt.want)
			}
			if diff := cmp.Diff(tt.keys, got.Keys); diff != "" {
				t.Errorf("the keys (-want +got):\n%s", diff)
			}
		})
	}
}

func TestADigestTellsTwoRequestsApartHoweverTheyAreSpaced(t *testing.T) {
	first, spaced, another := ofData(`{"user_id":"usr_1"}`), ofData(` { "user_id" : "usr_1" } `), ofData(`{"user_id":"usr_2"}`)
	if first.Digest != spaced.Digest || first.Digest == another.Digest {
		t.Errorf("%s, spaced %s, another's %s", first.Digest, spaced.Digest, another.Digest)
	}
}

func TestAFewKeysAreNamedAndNoLongOnes(t *testing.T) {
	var keys []string
	for i := range 1000 {
		keys = append(keys, fmt.Sprintf(`"key_%d":{%q:1}`, i%500, strings.Repeat("x", 200)))
	}
	got := ofData("{" + strings.Join(keys, ",") + "}")
	if got.Kind != subject.Unknown || len(got.Keys) != subject.MaxKeys || len(strings.Join(got.Keys, "")) > 64*subject.MaxKeys {
		t.Errorf("%+v", got)
	}
}

func TestWithFieldsOfAllNamesOnlyPersonsAreHeld(t *testing.T) {
	for data, want := range map[string]subject.Kind{`{"export":1}`: subject.Connection, `{"user":1}`: subject.Person, `{"é":1}`: subject.Unknown} {
		body := `{"type":"a","data":` + data + `}`
		if got := subject.Of([]byte(body), alert.NewFieldFilter([]string{"*"})); got.Kind != want {
			t.Errorf("%s is about %s, want %s", data, got.Kind, want)
		}
	}
}

// Whatever comes, a request that holds a person's word as a key is about nobody else.
func FuzzOf(f *testing.F) {
	for _, data := range []string{`{}`, `{"id":"1"}`, `{"a":[{"b":{}}]}`, `[[[]]]`, `"user"`, `{"scope":["user"]}`, `1e9`, `{"id":1,"id":2}`} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		got := ofData(string(data))
		if got.Kind == subject.Connection && len(got.Keys) > 0 {
			t.Errorf("%q: %+v", data, got)
		}
		if within := ofData(`{"reason":[{"participant":` + string(data) + `}]}`); within.Kind == subject.Connection {
			t.Errorf("%q within: %+v", data, within)
		}
	})
}

func TestADeepBodyCostsNoMoreThanItsLength(t *testing.T) {
	const depth = 9000
	data := strings.Repeat(`{"k":`, depth) + "1" + strings.Repeat("}", depth)
	if got := ofData(data); got.Kind != subject.Unknown {
		t.Errorf("%+v", got)
	}
}
