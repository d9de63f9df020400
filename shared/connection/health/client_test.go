package health_test

import (
	"testing"
	"time"

	"revento-alerts/shared/connection/health"
)

func TestAClientSecretThatIsRefusedIsOneChangeHoweverOften(t *testing.T) {
	c := health.Client{}.Refuse(noon)
	for minute := range 60 {
		c = c.Refuse(noon.Add(time.Duration(minute)*time.Minute)).Judge(noon, true, noon.Add(time.Duration(minute)*time.Minute))
	}
	if !c.Refused || c.Number != 1 || !c.At.Equal(noon) || !c.RefusedAt.Equal(noon.Add(59*time.Minute)) {
		t.Errorf("%+v", c)
	}
}

func TestAClientSecretIsTakenWhenWhoWasRefusedIsLookedAt(t *testing.T) {
	refused := health.Client{}.Refuse(noon)
	for name, tt := range map[string]struct {
		observed time.Time
		served   bool
		after    time.Duration
		over     bool
	}{
		"looked at before":                    {noon.Add(-time.Minute), true, time.Hour, false},
		"looked at since":                     {noon.Add(time.Minute), true, 2 * time.Minute, true},
		"nobody looks at it, for a moment":    {noon.Add(-time.Minute), false, 14 * time.Minute, false},
		"nobody looks at it, nor was another": {noon.Add(-time.Minute), false, 15 * time.Minute, true},
	} {
		got := refused.Judge(tt.observed, tt.served, noon.Add(tt.after))
		if got.Refused == tt.over || tt.over && (got.Number != 2 || !got.At.Equal(noon.Add(tt.after))) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A message that was sent before it was over, and comes after, begins nothing.
func TestARefusalOfBeforeTheEndBeginsNothing(t *testing.T) {
	over := health.Client{}.Refuse(noon).Judge(noon.Add(time.Minute), true, noon.Add(5*time.Minute))
	if got := over.Refuse(noon.Add(4 * time.Minute)); got != over {
		t.Errorf("%+v", got)
	}
	if got := over.Refuse(noon.Add(6 * time.Minute)); !got.Refused || got.Number != 3 {
		t.Errorf("%+v", got)
	}
}
