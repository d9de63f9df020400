package provider

import "errors"

// Scope is a scope of a provider's credential.
type Scope struct {
	Name string
	// Needed says that nothing can be told without it.
	Needed bool
	// Without is what does not work without it.
	Without string
}

// Refusals that a check explains to a person, each with a remedy of its own.
var (
	// ErrCredential is returned for a token that the provider does not take, or not any more.
	ErrCredential = errors.New("the token is refused")
	// ErrMissingScope is returned where the token may not look at channels of that kind.
	ErrMissingScope = errors.New("the token lacks a scope")
	// ErrNoChannel is returned for a channel that is not there, or private and without the bot.
	ErrNoChannel = errors.New("the channel is not there, or is private and the bot is not in it")
)
