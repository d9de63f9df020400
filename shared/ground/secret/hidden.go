package secret

// Hidden is a secret text that nothing prints: no verb of package fmt, no log, no encoding as JSON, wherever it stands. The zero value
// is the empty text.
type Hidden struct {
	show func() string // what a function holds, package fmt cannot see, even where it may not call String
}

// Hide returns a text, hidden.
func Hide(text string) Hidden { return Hidden{func() string { return text }} }

// Show returns the text, for who sends it where it belongs.
func (h Hidden) Show() string {
	if h.show == nil {
		return ""
	}
	return h.show()
}

// String says that there is something, and not what.
func (Hidden) String() string { return "(hidden)" }

// GoString is String.
func (h Hidden) GoString() string { return h.String() }
