package slack_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What a check asks by itself says nothing of posts, which may fail while all else works.
func TestHowTheLastPostEndedIsRemembered(t *testing.T) {
	date := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	client := against(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", date.Format(http.TimeFormat))
		if strings.HasSuffix(r.URL.Path, "chat.postMessage") {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, `{"ok":true,"user":"bot"}`)
	})
	if last := client.Answers.Last(); last != nil {
		t.Errorf("before any: %+v", last)
	}
	_ = post(t.Context(), client, "")
	if _, _, _, err := client.Identify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if last := client.Answers.Last(); last == nil || last.Reason != "http_500" || !last.Date.Equal(date) || last.At.IsZero() {
		t.Errorf("remembered: %+v", last)
	}
}
