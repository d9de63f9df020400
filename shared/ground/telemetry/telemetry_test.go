package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/test/golden"
)

func TestAUnitOfWorkIsOneLine(t *testing.T) {
	for _, test := range []struct {
		golden  string
		metrics bool
	}{
		{"line.json", false},
		{"embedded-metrics.json", true},
	} {
		t.Run(test.golden, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				line := telemetry.New(&out, telemetry.Options{Stack: "prod", Metrics: test.metrics}).Begin("alert")
				line.Dimension("destination", "slack")
				line.Set("receives", 2)
				line.Count("alert_sent")
				time.Sleep(1500 * time.Millisecond)
				line.Measure("latency_from_receipt", telemetry.Milliseconds, 2500)
				if out.Len() > 0 {
					t.Errorf("written before its end: %s", out.String())
				}
				line.End(t.Context())
				if lines := strings.Count(out.String(), "\n"); lines != 1 {
					t.Errorf("%d lines", lines)
				}
				golden.Want(t, test.golden, out.String())
			})
		})
	}
}

func TestALineWithoutMetricsCarriesNone(t *testing.T) {
	var out bytes.Buffer
	telemetry.New(&out, telemetry.Options{Metrics: true}).Begin("warm-up").End(t.Context())
	if strings.Contains(out.String(), "_aws") {
		t.Errorf("metrics in %s", out.String())
	}
}

func TestLevels(t *testing.T) {
	tests := []struct {
		name   string
		least  slog.Level
		raises []slog.Level
		want   string // what the line says, or "" where it is not written
	}{
		{"plain", slog.LevelInfo, nil, `"level":"INFO"`},
		{"raised", slog.LevelInfo, []slog.Level{slog.LevelWarn}, `"level":"WARN"`},
		{"raising never lowers", slog.LevelInfo, []slog.Level{slog.LevelError, slog.LevelWarn}, `"level":"ERROR"`},
		{"below the least level", slog.LevelWarn, nil, ""},
		{"at the least level", slog.LevelWarn, []slog.Level{slog.LevelWarn}, `"level":"WARN"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			line := telemetry.New(&out, telemetry.Options{Level: test.least}).Begin("alert")
			for _, level := range test.raises {
				line.Raise(level)
			}
			line.End(t.Context())
			if test.want == "" && out.Len() > 0 || !strings.Contains(out.String(), test.want) {
				t.Errorf("wrote %q, want %q", out.String(), test.want)
			}
		})
	}
}

// Alarms live on the metrics, so that a level that hides the line must not hide them.
func TestALineWithMetricsIsWrittenWhateverTheLevel(t *testing.T) {
	for _, test := range []struct {
		name    string
		metrics bool
		lines   int
	}{{"with metrics", true, 1}, {"without", false, 0}} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			line := telemetry.New(&out, telemetry.Options{Level: slog.LevelError, Metrics: test.metrics}).Begin("delivery")
			line.Count("reply_accepted")
			line.End(t.Context())
			if lines := strings.Count(out.String(), "\n"); lines != test.lines {
				t.Errorf("%d lines: %s", lines, out.String())
			}
		})
	}
}

// A person may look at the log in a terminal, and its texts may be a stranger's.
func TestNothingIsHiddenInALine(t *testing.T) {
	const text = "\x1b[2J\u202e\u200b\u009b"
	var out bytes.Buffer
	log := telemetry.New(&out, telemetry.Options{Stack: "prod"})
	line := log.Begin("alert")
	line.Set("reason", text)
	line.End(t.Context())
	log.Slog().Warn(text)
	for encoded := range strings.Lines(out.String()) {
		if strings.ContainsFunc(strings.TrimSuffix(encoded, "\n"), clip.IsHidden) {
			t.Errorf("%q hides something", encoded)
		}
		var read struct{ Msg, Reason string }
		if err := json.Unmarshal([]byte(encoded), &read); err != nil || read.Msg != text && read.Reason != text {
			t.Errorf("%q is read as %+v, %v", encoded, read, err)
		}
	}
}
