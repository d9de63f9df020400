package slack

import (
	"net/http"
	"strings"

	"revento-alerts/shared/provider"
)

// The scopes of the bot token. https://docs.slack.dev/reference/scopes/
const (
	// ScopePost is needed by Post, PostText and Update.
	ScopePost = "chat:write"
	// ScopePublicHistory and ScopePrivateHistory are optional: Find needs one of them, by the kind of channel. Without it, Find
	// returns thread.ErrCannotLook.
	ScopePublicHistory  = "channels:history"
	ScopePrivateHistory = "groups:history"
	// ScopePublicRead and ScopePrivateRead are optional: Channel needs one of them, by the kind of channel. Without it, Channel
	// returns provider.ErrMissingScope.
	ScopePublicRead  = "channels:read"
	ScopePrivateRead = "groups:read"
)

// Scopes are all of them, as the app's manifest lists them.
var Scopes = []provider.Scope{
	{Name: ScopePost, Needed: true, Without: "no alert can be posted"},
	{Name: ScopePublicHistory, Without: withoutHistory + "a public channel"},
	{Name: ScopePrivateHistory, Without: withoutHistory + "a private channel"},
	{Name: ScopePublicRead, Without: withoutRead + "a public channel"},
	{Name: ScopePrivateRead, Without: withoutRead + "a private channel"},
}

const (
	withoutHistory = `where Slack's answer to a post is lost, the alert is posted again, marked "possibly repeated", in `
	withoutRead    = "it cannot be seen here whether the bot is in "
)

// headerScopes is in every answer to a token that Slack takes: "chat:write,channels:history".
// https://docs.slack.dev/authentication/installing-with-oauth/
const headerScopes = "X-Oauth-Scopes"

func scopesOf(header http.Header) []string {
	told, ok := header[headerScopes]
	if !ok {
		return nil
	}
	return strings.FieldsFunc(strings.Join(told, ","), func(r rune) bool { return r == ',' || r == ' ' })
}
