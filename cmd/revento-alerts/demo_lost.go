package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/revento/sandbox"
)

// What the demo changes of the defaults, so that a few calls of the sandbox show it all, within Revento's limits, and at once.
var demoSettings = map[string]string{
	"CONNECT_SCOPES":              "event.read participants.read",
	"PARTICIPANT_CANCELLED_ROUTE": "slack",
}

// The sandbox's event, and the two of its participants to whom something happens.
const (
	demoEvent   = "evt_sandbox_1"
	demoFlagged = "ptp_sandbox_1_007"
	demoGone    = "ptp_sandbox_1_008"
)

// demoLate is how late the pass comes that finds a webhook missing, and demoBefore how long before that webhook's event the first pass is.
const (
	demoLate   = 41 * time.Minute
	demoBefore = time.Minute
)

// demoPollTime is how often the demo looks whether a pass has ended.
const demoPollTime = 20 * time.Millisecond

// connect has the event's organizer consent, with Revento's clock set back: what happens then was a while ago once it is set right.
func (d *demo) connect(ctx context.Context) error {
	d.printf("  The event's organizer connects it, so that Revento can be asked, and not only listened to\n")
	if err := d.machine.Happens(ctx, sandbox.Command{Action: "move_clock", For: (-demoLate - demoBefore).String()}); err != nil {
		return err
	}
	var made api.Link
	if err := d.operate(ctx, func(client *api.Client) error {
		return client.Post(ctx, connectionPath(demoEvent, "link"), struct{}{}, &made)
	}); err != nil {
		return err
	}
	if err := allow(ctx, made.Link); err != nil {
		return err
	}
	return d.sync(ctx, "the first pass over Revento's lists tells nothing", nil)
}

// lose has a webhook not come, and somebody vanish, of which no webhook tells.
func (d *demo) lose(ctx context.Context) error {
	d.printf("  Another application is flagged, and Revento's webhook does not come; and a participant cancels, for which Revento sends none\n")
	for _, command := range []sandbox.Command{
		{Action: "move_clock", For: demoBefore.String()},
		{Action: "webhooks", Kind: string(sandbox.Delayed), For: (demoLate + demoBefore).String()},
		{Action: "flag", EventID: demoEvent, ParticipantID: demoFlagged},
		{Action: "cancel", EventID: demoEvent, ParticipantID: demoGone},
		{Action: "move_clock", For: demoLate.String()},
	} {
		if err := d.machine.Happens(ctx, command); err != nil {
			return err
		}
	}
	return d.sync(ctx, "the next pass finds it: it pages all the same", func(r *recorder.Recorder) bool {
		return len(r.Incidents()) == 2 && len(r.Messages()) == 3
	})
}

// original has the webhook come that was not to be seen any more.
func (d *demo) original(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	d.printf("  The webhook comes after all\n")
	if err := d.machine.Happens(ctx, sandbox.Command{Action: "move_clock", For: (2 * demoBefore).String()}); err != nil {
		return err
	}
	if err := d.settled(ctx, nil); err != nil {
		return err
	}
	if r := d.machine.Recorder; len(r.Incidents()) != 2 || len(r.Messages()) != 3 {
		return errors.New("the late webhook alerts again")
	}
	d.printf("    200 accepted      told already: it pages and posts nothing more\n")
	return nil
}

// cancellation has a second pass miss who is gone.
func (d *demo) cancellation(ctx context.Context) error {
	d.printf("  Who is missing once may only have moved between two pages\n")
	return d.sync(ctx, "missing in the pass after it as well: gone, and told", func(r *recorder.Recorder) bool {
		return len(r.Messages()) == 4
	})
}

// sync has a pass read all that Revento lists, and waits for what that leads to.
func (d *demo) sync(ctx context.Context, effect string, shown func(*recorder.Recorder) bool) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	if err := d.operate(ctx, func(client *api.Client) error {
		synced, err := readAll(ctx, client, demoEvent, demoPollTime)
		if err != nil {
			return err
		}
		return wantRead(synced)
	}); err != nil {
		return fmt.Errorf("read all that Revento knows: %w", err)
	}
	if err := d.settled(ctx, shown); err != nil {
		return err
	}
	d.printf("    %s\n", effect)
	return nil
}

// operate asks the operator's API.
func (d *demo) operate(ctx context.Context, do func(*api.Client) error) error {
	operator, err := serve.Operate(ctx, d.dir, demoSource(d.keys), io.Discard)
	if err != nil {
		return err
	}
	return errors.Join(do(operator.Client), operator.Close())
}

// consentTicket is what the sandbox's consent page sends back with the decision.
var consentTicket = regexp.MustCompile(`name="ticket" value="([^"]*)"`)

// allow opens a link, and chooses "Allow" on the page of consent that it leads to.
func allow(ctx context.Context, link string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	page, err := answered(browser, request)
	if err != nil {
		return err
	}
	found := consentTicket.FindStringSubmatch(page.body)
	if found == nil {
		return errors.New("the link leads to no page of consent")
	}
	form := url.Values{"ticket": {found[1]}, "decision": {"allow"}}
	request, err = http.NewRequestWithContext(ctx, http.MethodPost, page.at, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, err = answered(browser, request)
	return err
}

// shownPage is a page and where it is.
type shownPage struct{ at, body string }

func answered(client *http.Client, request *http.Request) (shownPage, error) {
	response, err := client.Do(request)
	if err != nil {
		return shownPage{}, err
	}
	defer func() { _ = response.Body.Close() }() // what was read is all that matters
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s is answered %d", request.URL.Path, response.StatusCode)
	}
	return shownPage{response.Request.URL.String(), string(body)}, err
}
