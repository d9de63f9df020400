package mirror

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

// webhook is the stamp of one that occurred some time after noon and arrived later.
func webhook(occurred, late time.Duration) Stamp {
	return Stamp{AsOf: noon.Add(occurred), At: noon.Add(occurred + late), Source: ByWebhook}
}

// list is the stamp of a page that was asked for some time after noon.
func list(pass int64, asked time.Duration) Stamp {
	return Stamp{AsOf: noon.Add(asked), At: noon.Add(asked), Source: ByList, Pass: pass}
}

// loose is a page whose reply had no Date.
func loose(pass int64, asked time.Duration) Stamp {
	s := list(pass, asked)
	s.Loose = true
	return s
}

func marked(s Stamp, at time.Duration) Stamp {
	s.MarkedAt = noon.Add(at)
	return s
}

// Each arrow of the design's drawing, at its edges.
func TestWhichDocumentStands(t *testing.T) {
	const second, minute = time.Second, time.Minute
	for _, tt := range []struct {
		name           string
		standing, next Stamp
		taken, marked  bool
	}{
		{"anything over nothing", Stamp{}, webhook(0, second), true, false},

		{"webhook over webhook: a later occurred_at", webhook(0, minute), webhook(second, second), true, false},
		{"webhook over webhook: an earlier one that arrives later", webhook(second, second), webhook(0, minute), false, false},
		{"webhook over webhook: the same second, a later arrival", webhook(0, second), webhook(0, minute), true, true},
		{"webhook over webhook: the same second, an earlier arrival", webhook(0, minute), webhook(0, second), false, true},
		{"webhook over webhook: the same second, one in whole seconds", webhook(second/2, minute), webhook(0, 2*minute), true, true},
		{"webhook over webhook: the same second, both told more exactly", webhook(second/2, minute), webhook(second/4, 2*minute), false, false},

		{"webhook over list: after the page", list(1, 0), webhook(second, second), true, false},
		{"webhook over list: at the page's moment", list(1, 0), webhook(0, second), true, true},
		{"webhook over list: just within the margin", list(1, 0), webhook(second-2*minute, minute), true, true},
		{"webhook over list: at the margin's edge", list(1, 0), webhook(-2*minute, minute), true, true},
		{"webhook over list: just before the margin", list(1, 0), webhook(-2*minute-1, minute), false, false},
		{"webhook over list: long before the page", list(1, 0), webhook(-time.Hour, 2*time.Hour), false, false},

		{"list over webhook: asked for after the margin", webhook(0, second), list(1, 2*minute+second), true, false},
		{"list over webhook: asked for at the margin's edge", webhook(0, second), list(1, 2*minute), false, false},
		{"list over webhook: asked for before it", webhook(0, second), list(1, -minute), false, false},
		{"list over webhook: a marked one, after the mark", marked(webhook(0, second), 10*second), list(1, 11*second), true, false},
		{"list over webhook: a marked one, at the mark", marked(webhook(0, second), 10*second), list(1, 10*second), false, true},
		{"list over webhook: a marked one, before the mark", marked(webhook(0, second), 10*second), list(1, 9*second), false, true},

		{"list over list: the later pass", list(1, 0), list(2, minute), true, false},
		{"list over list: an earlier pass that comes late", list(2, minute), list(1, 2*minute), false, false},
		{"list over list: a later page of the same pass", list(1, 0), list(1, minute), true, false},
		{"list over list: an earlier page of the same pass", list(1, minute), list(1, 0), false, false},
		{"list over list: it is not marked any more", marked(list(1, 0), second), list(2, minute), true, false},

		{"no Date: a webhook within 5 minutes before", loose(1, 0), webhook(second-5*minute, minute), true, true},
		{"no Date: a webhook within 5 minutes after", loose(1, 0), webhook(5*minute, minute), true, true},
		{"no Date: a webhook more than 5 minutes after", loose(1, 0), webhook(5*minute+second, minute), true, false},
		{"no Date: a webhook that loses marks", loose(1, 0), webhook(-5*minute-1, minute), false, true},
		{"no Date: a page more than 5 minutes after", webhook(0, second), loose(1, 5*minute+second), true, false},
		{"no Date: a page that loses marks", webhook(0, second), loose(1, 5*minute), false, true},
		{"no Date: a page after the mark", marked(webhook(0, second), 10*second), loose(1, 11*second), true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			standing, taken := tt.standing.after(tt.next, noon.Add(time.Hour))
			if taken != tt.taken || standing.IsMarked() != tt.marked {
				t.Errorf("taken %t, marked %t", taken, standing.IsMarked())
			}
			if want := tt.standing; !taken && standing.AsOf != want.AsOf || taken && standing.AsOf != tt.next.AsOf {
				t.Errorf("%+v stands", standing)
			}
		})
	}
}

// Whatever comes first, the same stands where the rule can tell which is newer; where it cannot, what stands is marked.
func FuzzTheOrderOfArrivalDecidesNothingThatIsNotMarked(f *testing.F) {
	for _, seconds := range []int16{0, 1, -1, 119, 120, 121, -119, -120, -121, 299, 300, 301} {
		f.Add(true, false, false, false, int16(0), seconds)
		f.Add(true, true, false, false, int16(0), seconds)
		f.Add(false, true, true, false, int16(0), seconds)
		f.Add(false, true, false, true, int16(0), seconds)
	}
	f.Fuzz(func(t *testing.T, aHook, bHook, aLoose, bLoose bool, aAt, bAt int16) {
		make := func(hook, loose bool, at int16, pass int64) Stamp {
			s := list(pass, time.Duration(at)*time.Second)
			s.Loose = loose
			if hook {
				s = webhook(time.Duration(at)*time.Second, time.Second)
			}
			return s
		}
		a, b := make(aHook, aLoose, aAt, 1), make(bHook, bLoose, bAt, 2)
		ab, bTaken := a.after(b, noon)
		ba, aTaken := b.after(a, noon)
		if !ab.IsMarked() && !ba.IsMarked() && bTaken == aTaken {
			t.Errorf("%+v and %+v: the later arrival stands, or the first does, and nothing is marked", a, b)
		}
	})
}
