// Package slack shows alerts in Slack through its Web API.
package slack

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/slack-go/slack"

	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
)

// A message's metadata holds the alert key and nothing else, so that Find knows the message again.
// https://docs.slack.dev/messaging/message-metadata/
const (
	metadataType = "revento_alert"
	metadataKey  = "alert_key"
)

// opPost is what is being done, for errors.
const opPost = "post to Slack"

// Tokens gives the bot token.
type Tokens = exchange.Credentials[secret.Token]

// Client is a client of Slack's Web API. It is safe for concurrent use. Every call is one request, bounded by its context.
// No error holds the token or anything of a message.
type Client struct {
	apiURL string
	tokens Tokens
	http   *exchange.Client
	// Answers remembers how the last post ended.
	Answers *exchange.Answers
}

var (
	_ thread.Slack      = (*Client)(nil)
	_ deletion.Messages = (*Client)(nil)
)

// New returns a client of the API at a base URL that ends in a slash, such as https://slack.com/api/.
func New(apiURL string, tokens Tokens) *Client {
	return &Client{apiURL: apiURL, tokens: tokens, http: exchange.NewClient(), Answers: new(exchange.Answers)}
}

// Through returns a client whose requests go through a transport of the caller's own, such as a handler of this process.
func (c *Client) Through(transport http.RoundTripper) *Client {
	through := *c
	through.http = c.http.Through(transport)
	return &through
}

// Post implements thread.Slack. Slack puts a reply whose root was deleted into the channel itself; it is taken back, so that
// nobody is told twice when the alert is posted as a root. (https://github.com/slack-go/slack/issues/1571)
func (c *Client) Post(ctx context.Context, channel, root string, message thread.Message) (string, error) {
	shown := render(message)
	options := append(shown.options(), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionMetadata(slack.SlackMetadata{
			EventType:    metadataType,
			EventPayload: map[string]any{metadataKey: message.AlertKey},
		}))
	if root != "" {
		options = append(options, slack.MsgOptionTS(root))
	}
	posted, err := c.post(ctx, channel, options...)
	switch {
	case root != "" && isAny(err, rootGone):
		return "", wrap(err, thread.ErrThreadGone)
	case err != nil:
		return "", err
	case root != "" && posted.leftThread():
		return "", c.takeBack(ctx, posted)
	}
	return posted.TS, nil
}

// post posts a message. A success that names no message is none.
func (c *Client) post(ctx context.Context, channel string, options ...slack.MsgOption) (answer, error) {
	posted, err := c.call(ctx, opPost, fault.Unknown, func(api *slack.Client) {
		_, _, _ = api.PostMessageContext(ctx, channel, options...)
	})
	if err == nil && (posted.TS == "" || posted.Channel.ID == "") {
		return answer{}, &fault.Error{Class: fault.Unknown, Op: opPost, Reason: reasonNoTimestamp}
	}
	return posted, err
}

// takeBack removes a message that was posted outside its thread and returns why nothing counts as posted.
func (c *Client) takeBack(ctx context.Context, posted answer) error {
	const op = "take back a reply without a thread"
	_, err := c.call(ctx, op, fault.Unknown, func(api *slack.Client) {
		_, _, _ = api.DeleteMessageContext(ctx, posted.Channel.ID, posted.TS)
	})
	if err != nil && !isAny(err, messageGone) {
		return &fault.Error{Class: fault.Unknown, Op: op, Reason: fault.Of(err).Reason}
	}
	return &fault.Error{Class: fault.Permanent, Op: opPost, Reason: reasonLeftThread, Err: thread.ErrThreadGone}
}

// Update implements thread.Slack. Slack keeps the metadata of a message that is updated without.
func (c *Client) Update(ctx context.Context, channel, ts string, message thread.Message) error {
	shown := render(message)
	_, err := c.call(ctx, "update in Slack", fault.Transient, func(api *slack.Client) {
		_, _, _, _ = api.UpdateMessageContext(ctx, channel, ts, shown.options()...)
	})
	if isAny(err, messageGone) {
		return wrap(err, thread.ErrMessageGone)
	}
	return err
}

// Delete implements deletion.Messages. Slack lets an app delete what it posted, with the scope that posting needs.
func (c *Client) Delete(ctx context.Context, channel, ts string) error {
	_, err := c.call(ctx, "delete in Slack", fault.Transient, func(api *slack.Client) {
		_, _, _ = api.DeleteMessageContext(ctx, channel, ts)
	})
	switch {
	case isAny(err, messageGone):
		return nil
	case isAny(err, stays):
		return wrap(err, deletion.ErrStays)
	default:
		return err
	}
}

// answer is what is read of any method's answer. The client library's own reading is not used: it takes an answer without
// "ok" for a success, and one odd field anywhere in a page of other people's messages makes the page unreadable.
type answer struct {
	OK      bool    `json:"ok"`
	Error   string  `json:"error"`
	Channel channel `json:"channel"`
	TS      string  `json:"ts"`
	Message struct {
		TS       string `json:"ts"`
		ThreadTS string `json:"thread_ts"`
	} `json:"message"`
	HasMore  bool              `json:"has_more"`
	Messages []json.RawMessage `json:"messages"`
	Team     string            `json:"team"`
	User     string            `json:"user"`
	// Scopes are those of the token, from a header; nil where the answer does not tell them.
	Scopes []string `json:"-"`
	// Date is when Slack answered, by its clock and in whole seconds; zero where the answer does not tell.
	Date time.Time `json:"-"`
}

// channel is an id, or where a method tells more of it, an object.
type channel struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	IsMember   bool   `json:"is_member"`
	IsDirect   bool   `json:"is_im"`
	IsArchived bool   `json:"is_archived"`
}

// UnmarshalJSON reads either form.
func (c *channel) UnmarshalJSON(encoded []byte) error {
	if json.Unmarshal(encoded, &c.ID) == nil {
		return nil
	}
	type object channel
	return json.Unmarshal(encoded, (*object)(c))
}

// leftThread says whether Slack tells of a message, meant as a reply, that it is in no thread.
func (a answer) leftThread() bool { return a.Message.TS == a.TS && a.Message.ThreadTS == "" }

// call makes one call of a method and classifies what came of it. lost is the class of a call that may have taken effect.
func (c *Client) call(ctx context.Context, op string, lost fault.Class, request func(*slack.Client)) (answer, error) {
	var got answer
	plain := func(token secret.Token) string { return string(token) }
	failure := exchange.Authorized(ctx, c.tokens, plain, reasonNoToken, func(token string) (failure *fault.Error) {
		got, failure = c.once(op, token, lost, request)
		return failure
	})
	if failure != nil {
		failure.Op = op
		return answer{}, failure
	}
	return got, nil
}

func (c *Client) once(op, token string, lost fault.Class, request func(*slack.Client)) (answer, *fault.Error) {
	made := c.http.Begin()
	request(slack.New(token, slack.OptionAPIURL(c.apiURL), slack.OptionHTTPClient(made)))
	got, failure := read(made, lost)
	if op == opPost {
		c.Answers.Note(made.Answer(failure))
	}
	return got, failure
}
