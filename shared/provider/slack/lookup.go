package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/ground/fault"
)

// pageSize is how many messages a look-up asks for: Slack recommends no more than 200.
// https://docs.slack.dev/apis/web-api/pagination/
const pageSize = 200

// dateMargin is how far Slack's clock may be from what its answer's Date says: whole seconds, the time that a call takes, and what
// the clocks drifted since the attempts.
const dateMargin = time.Minute

// opFind is what is being done, for errors.
const opFind = "look through the channel"

// Find implements thread.Slack. It reads one page, and another where Slack's clock turns out to be further from ours than the
// window allows for. Whatever Slack refuses for good means that it cannot look, but for a token: with that nothing can be posted
// either.
func (c *Client) Find(ctx context.Context, search thread.Search) (string, error) {
	seen, err := c.look(ctx, search, 0)
	if err == nil && seen.ts == "" && seen.ahead.Abs() > thread.ClockMargin-dateMargin {
		seen, err = c.look(ctx, search, seen.ahead)
	}
	switch {
	case fault.Has(err, fault.Permanent) && !fault.Of(err).Credential:
		return "", wrap(err, thread.ErrCannotLook)
	case err != nil:
		return "", err
	case seen.ts == "" && !seen.whole:
		return "", &fault.Error{Class: fault.Permanent, Op: opFind, Reason: reasonMoreThanAPage, Err: thread.ErrCannotLook}
	}
	return seen.ts, nil
}

// sight is what a look at a page showed.
type sight struct {
	ts    string // the message's, or ""
	whole bool   // the page holds all of the time in which the message may have been posted
	// ahead is how far Slack's clock is ahead of ours; 0 where the answer does not tell.
	ahead time.Duration
}

// look asks for the window as a clock shows it that is ahead of ours.
func (c *Client) look(ctx context.Context, search thread.Search, ahead time.Duration) (sight, error) {
	from, to := search.From.Add(ahead), search.To.Add(ahead)
	page, err := c.call(ctx, opFind, fault.Transient, func(api *slack.Client) { list(ctx, api, search, timestamp(from), timestamp(to)) })
	if err != nil {
		return sight{}, err
	}
	messages := readPage(page)
	seen := sight{ts: messages.of(search.AlertKey)}
	if !page.Date.IsZero() && !search.Now.IsZero() {
		seen.ahead = page.Date.Sub(search.Now)
		from = search.From.Add(seen.ahead + thread.ClockMargin - dateMargin)
		to = search.To.Add(seen.ahead - thread.ClockMargin + dateMargin)
	}
	seen.whole = !page.HasMore || messages.reach(search.Thread != "", timestamp(from), timestamp(to))
	return seen, nil
}

// page is the messages of a page that are in the form that ours have: other people's are in whatever form Slack gives them.
type page []listed

func readPage(a answer) (read page) {
	for _, encoded := range a.Messages {
		var message listed
		if json.Unmarshal(encoded, &message) == nil {
			read = append(read, message)
		}
	}
	return read
}

// of is the ts of an alert's message, or "".
func (p page) of(alertKey string) string {
	for _, message := range p {
		if message.isOf(alertKey) {
			return message.TS
		}
	}
	return ""
}

// reach says whether a page that is not the last covers the time from one ts to another. A channel's page begins with the newest
// message, so that the older ones are missing; a thread's begins with the oldest. Timestamps sort as text.
// https://docs.slack.dev/reference/methods/conversations.history, https://docs.slack.dev/reference/methods/conversations.replies
func (p page) reach(isThread bool, from, to string) bool {
	for _, message := range p {
		if isThread && message.TS >= to || !isThread && message.TS != "" && message.TS <= from {
			return true
		}
	}
	return false
}

// list asks for a page of the channel, or of the thread: its root, and then its replies.
func list(ctx context.Context, api *slack.Client, search thread.Search, oldest, latest string) {
	if search.Thread == "" {
		_, _ = api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
			ChannelID: search.Channel, Oldest: oldest, Latest: latest, Inclusive: true, Limit: pageSize, IncludeAllMetadata: true,
		})
		return
	}
	_, _, _, _ = api.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{
		ChannelID: search.Channel, Timestamp: search.Thread,
		Oldest: oldest, Latest: latest, Inclusive: true, Limit: pageSize, IncludeAllMetadata: true,
	})
}

// timestamp writes a moment as Slack does: seconds since 1970 with six decimals.
func timestamp(at time.Time) string {
	return fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/int(time.Microsecond))
}

// listed is a message of a page.
type listed struct {
	TS       string `json:"ts"`
	Metadata struct {
		EventType    string            `json:"event_type"`
		EventPayload map[string]string `json:"event_payload"`
	} `json:"metadata"`
}

func (l listed) isOf(alertKey string) bool {
	return l.Metadata.EventType == metadataType && l.Metadata.EventPayload[metadataKey] == alertKey
}
