package attendance_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"revento-alerts/shared/operate/attendance"
	"revento-alerts/test/golden"
)

// told is a list and a count of it, with what strangers could write.
func told(t *testing.T) ([]attendance.Participant, attendance.Count) {
	b := newBench(t)
	b.crowd()
	b.people.knows(attendance.Person{
		ID: "ptp_6", Name: "=HYPERLINK(\"https://example.invalid\")\r\n\u202e,x", Status: "+1", State: attendance.Present,
		IsRegistered: true, RegisteredAt: at(30),
	})
	b.comes("ptp_1", at(-30))
	page, err := b.List(t.Context(), "evt_1", attendance.Selection{}, "")
	if err != nil {
		t.Fatal(err)
	}
	count, err := b.Count(t.Context(), "evt_1", attendance.Selection{Since: at(0), Until: at(60)})
	if err != nil {
		t.Fatal(err)
	}
	return page.Participants, count
}

func TestTheForms(t *testing.T) {
	list, count := told(t)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"list.txt":   func(w *bytes.Buffer) error { return attendance.WriteList(w, list) },
		"list.csv":   func(w *bytes.Buffer) error { return attendance.WriteListCSV(w, list) },
		"list.json":  func(w *bytes.Buffer) error { return writeJSON(w, list) },
		"count.txt":  func(w *bytes.Buffer) error { return attendance.WriteCount(w, count) },
		"count.csv":  func(w *bytes.Buffer) error { return attendance.WriteCountCSV(w, count) },
		"count.json": func(w *bytes.Buffer) error { return writeJSON(w, count) },
		"none.txt":   func(w *bytes.Buffer) error { return attendance.WriteList(w, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			if err := write(&text); err != nil {
				t.Fatal(err)
			}
			golden.Want(t, name, text.String())
		})
	}
}

func writeJSON(w *bytes.Buffer, facts any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(facts)
}

func TestNoCellIsOneThatASpreadsheetComputes(t *testing.T) {
	for name, want := range map[string]string{
		"Ada": "Ada", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "＝1": "'＝1", "\t=1": "'=1", "\r\n=1": "'=1",
		"\u200b=1": "'=1", "\u2060@a": "'@a", "a=1": "a=1", `say "hi", Ada`: `say "hi", Ada`, "two\nlines": "two lines",
	} {
		var text bytes.Buffer
		if err := attendance.WriteListCSV(&text, []attendance.Participant{{Name: name}}); err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(&text).ReadAll()
		if err != nil || len(lines) != 2 || lines[1][3] != want {
			t.Errorf("%q is %q, %v; want %q", name, lines, err, want)
		}
	}
}

func TestLinesEndAsRFC4180Says(t *testing.T) {
	var text bytes.Buffer
	if err := attendance.WriteCountCSV(&text, attendance.Count{EventID: "evt_1", ByStatus: map[string]int{"registered": 2}}); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); got != "event_id,status,participants\r\nevt_1,registered,2\r\n" || strings.Count(got, "\r\n") != 2 {
		t.Errorf("%q", got)
	}
}
