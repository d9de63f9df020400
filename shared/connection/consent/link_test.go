package consent_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/seal"
)

func TestALinkBeginsItsEventsConnectionUntilItsEnd(t *testing.T) {
	b := memoryBench(t)
	link := b.link()
	bytes, err := base64.RawURLEncoding.DecodeString(link)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(i int) string {
		other := append([]byte{}, bytes...)
		other[i] ^= 1
		return base64.RawURLEncoding.EncodeToString(other)
	}
	foreign, err := consent.Link(seal.Ring{}.Add(), event, b.clock.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, event, link string
		later             time.Duration
		want              consent.Kind
	}{
		{"as it is", event, link, 0, consent.Asked},
		{"a second before its end", event, link, consent.LinkLife - time.Second, consent.Asked},
		{"at its end", event, link, consent.LinkLife, consent.LinkExpired},
		{"for another event", "evt_other", link, 0, consent.LinkWrong},
		{"for the beginning of its event", event[:5], link, 0, consent.LinkWrong},
		{"with another end", event, changed(7), 0, consent.LinkWrong},
		{"with another event in it", event, changed(9), 0, consent.LinkWrong},
		{"with another signature", event, changed(len(bytes) - 1), 0, consent.LinkWrong},
		{"of another installation", event, foreign, 0, consent.LinkWrong},
		{"cut", event, link[:20], 0, consent.LinkWrong},
		{"none", event, "", 0, consent.LinkWrong},
		{"no base64url", event, "!" + link[1:], 0, consent.LinkWrong},
		{"padded", event, link + "=", 0, consent.LinkWrong},
		{"as long as nobody made one", event, strings.Repeat("A", 1<<20), 0, consent.LinkWrong},
		{"for no event", "", link, 0, consent.EventMalformed},
		{"for an event with a blank", "evt abc", link, 0, consent.EventMalformed},
		{"for an event in another script", "evt_\u202e", link, 0, consent.EventMalformed},
		{"for an event too long", strings.Repeat("e", consent.MaxEventID+1), link, 0, consent.EventMalformed},
	} {
		before := b.clock
		b.clock = b.clock.Add(test.later)
		start, got := b.Begin(t.Context(), test.event, test.link)
		b.clock = before
		if got.Kind != test.want || (start.Location != "") != (test.want == consent.Asked) || (start.Flow != "") != (start.Location != "") {
			t.Errorf("%s: %+v, %+v, want %s", test.name, got, start, test.want)
		}
	}
}

func TestALinkIsShortAndNeedsNoEscape(t *testing.T) {
	b := memoryBench(t)
	if link := b.link(); len(link) > 60 || url.QueryEscape(link) != link {
		t.Errorf("%q has %d characters", link, len(link))
	}
	longest := strings.Repeat("e", consent.MaxEventID)
	link, err := consent.Link(b.ring.ring, longest, b.clock.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, got := b.Begin(t.Context(), longest, link); got.Kind != consent.Asked {
		t.Errorf("the longest event's link: %+v", got)
	}
}

func TestAnEmptyRingSignsNoLink(t *testing.T) {
	if link, err := consent.Link(seal.Ring{}, event, time.Now()); err == nil {
		t.Errorf("link %q", link)
	}
}

// The links of an installation that lets anybody begin are of no matter.
func TestWhereAnybodyMayBeginNoLinkIsNeeded(t *testing.T) {
	b := memoryBench(t)
	b.Open = true
	for _, link := range []string{"", "canary", b.link()} {
		start, got := b.Begin(t.Context(), event, link)
		if got.Kind != consent.Asked || got.Link != "" || start.Location == "" {
			t.Errorf("with %q: %+v", link, got)
		}
	}
	if _, got := b.Begin(t.Context(), "evt abc", ""); got.Kind != consent.EventMalformed {
		t.Errorf("a malformed event: %+v", got)
	}
}

func TestAFlowsCookieIsSmall(t *testing.T) {
	b := memoryBench(t)
	longest := strings.Repeat("e", consent.MaxEventID)
	link, err := consent.Link(b.ring.ring, longest, b.clock.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	start, _ := b.Begin(t.Context(), longest, link)
	if len(start.Flow) > 900 || start.FlowID == "" {
		t.Errorf("%d bytes, id %q", len(start.Flow), start.FlowID)
	}
}

func FuzzNoTextIsALinkThatNobodyMade(f *testing.F) {
	ring := seal.Ring{}.Add()
	now := time.Unix(1_800_000_000, 0)
	link, err := consent.Link(ring, event, now.Add(time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(event, link)
	f.Add(event, link[:len(link)-1])
	f.Fuzz(func(t *testing.T, eventID, text string) {
		c := &consent.Consent{Revento: &authority{}, Ring: &rings{ring: ring}, Now: func() time.Time { return now }}
		_, got := c.Begin(t.Context(), eventID, text)
		if made := eventID == event && text == link; (got.Kind == consent.Asked) != made {
			t.Errorf("%q for %q: %+v", text, eventID, got)
		}
	})
}

// A key that was added a moment ago signs links and seals flows where it is known, and is looked up where it is not.
func TestAKeyThatWasAddedJustNowIsLookedUp(t *testing.T) {
	b := memoryBench(t)
	was, now := b.ring.ring, b.ring.ring.Add()
	link, err := consent.Link(now, event, b.clock.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, got := b.Begin(t.Context(), event, link); got.Kind != consent.LinkWrong {
		t.Errorf("where it is not looked up: %+v", got)
	}
	b.ring.kept = &now
	if _, got := b.Begin(t.Context(), event, link); got.Kind != consent.Asked {
		t.Errorf("the link: %+v", got)
	}
	state := b.begins()
	b.ring.ring = was
	if got := b.comesBack(consent.Callback{State: state, Code: "code"}); got.Kind != consent.Connected {
		t.Errorf("the flow: %+v", got)
	}
	forged := link[:len(link)-1] + "x"
	if _, got := b.Begin(t.Context(), event, forged); got.Kind != consent.LinkWrong {
		t.Errorf("a forged link: %+v", got)
	}
}
