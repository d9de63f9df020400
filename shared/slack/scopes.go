package slack

// The scopes of the bot token, as the app's manifest lists them.
// https://docs.slack.dev/reference/scopes/
const (
	// ScopePost is needed by Post and Update.
	ScopePost = "chat:write"
	// ScopePublicHistory and ScopePrivateHistory are optional: Find needs one of them, by the kind of channel. Without it, Find
	// returns thread.ErrCannotLook.
	ScopePublicHistory  = "channels:history"
	ScopePrivateHistory = "groups:history"
)
