package slack

import (
	"context"
	"time"

	"github.com/slack-go/slack"

	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/provider"
)

// Identify answers checkup.Slack. https://docs.slack.dev/reference/methods/auth.test
func (c *Client) Identify(ctx context.Context) (bot, team string, scopes []string, err error) {
	const op = "ask Slack whose token it is"
	got, err := c.call(ctx, op, fault.Transient, func(api *slack.Client) { _, _ = api.AuthTestContext(ctx) })
	switch {
	case isAny(err, tokenRefused):
		return "", "", nil, wrap(err, provider.ErrCredential)
	case err != nil:
		return "", "", nil, err
	case got.User == "":
		return "", "", nil, &fault.Error{Class: fault.Transient, Op: op, Reason: reasonUnreadable}
	}
	return got.User, got.Team, got.Scopes, nil
}

// Time answers checkup.Slack. Every answer over HTTP has it. https://www.rfc-editor.org/rfc/rfc9110#field.date
func (c *Client) Time(ctx context.Context) (time.Time, error) {
	got, err := c.call(ctx, "ask Slack for the time", fault.Transient, func(api *slack.Client) { _, _ = api.AuthTestContext(ctx) })
	if err != nil {
		return time.Time{}, err
	}
	return got.Date, nil
}

// Channel answers checkup.Slack. A direct message has no members: whoever may see it is in it.
// https://docs.slack.dev/reference/methods/conversations.info
func (c *Client) Channel(ctx context.Context, id string) (name string, member, archived bool, err error) {
	const op = "look at the channel"
	got, err := c.call(ctx, op, fault.Transient, func(api *slack.Client) {
		_, _ = api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
	})
	switch {
	case isAny(err, scopeMissing):
		return "", false, false, wrap(err, provider.ErrMissingScope)
	case isAny(err, channelUnknown):
		return "", false, false, wrap(err, provider.ErrNoChannel)
	case err != nil:
		return "", false, false, err
	case got.Channel.ID == "":
		return "", false, false, &fault.Error{Class: fault.Transient, Op: op, Reason: reasonUnreadable}
	}
	return got.Channel.Name, got.Channel.IsMember || got.Channel.IsDirect, got.Channel.IsArchived, nil
}

// PostText answers checkup.Slack. The message has no metadata, so that no look-up takes it for an alert.
func (c *Client) PostText(ctx context.Context, channel, text string) error {
	_, err := c.post(ctx, channel, slack.MsgOptionText(plain(text, maxFallbackText), false), slack.MsgOptionParse(false),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
	return err
}
