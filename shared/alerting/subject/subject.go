// Package subject tells whom a request of Revento's about data concerns: the connection, a person, or something that nobody
// foresaw. What cannot be undone is done only for the first.
package subject

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/revento"
)

// Kind is what a request is about.
type Kind string

// The kinds. A request is about a person as soon as it names one, whatever else it holds.
const (
	Connection Kind = "connection" // its data is empty, or every key in it is one of Fields
	Person     Kind = "person"     // a key, or the value of a scope, names one
	Unknown    Kind = "unknown"    // anything else
)

// Subject is what a request is about.
type Subject struct {
	Kind Kind
	// Keys are those that nobody foresaw, where Kind is Unknown, fit to be shown to people: names of at most MaxKeys keys.
	Keys []string
	// Digest is a hash of the request's data, however it is spaced: two requests of one moment about two persons differ in it.
	Digest string
}

// MaxKeys is how many keys a Subject names at the most, and maxKeyLength how long a name is that is shown, in bytes.
const (
	MaxKeys      = 10
	maxKeyLength = 64
)

// personWords stand in the name of a key that names a person.
var personWords = []string{"user", "participant", "person", "profile", "attendee", "email"}

// scopeWord stands in the name of a key whose value says whom it is about.
const scopeWord = "scope"

// NamesPerson says whether a key's name, or the value of a scope, names a person, in whatever case.
func NamesPerson(name string) bool {
	folded := fold(name)
	return slices.ContainsFunc(personWords, func(word string) bool { return strings.Contains(folded, word) })
}

// fold makes a name comparable: without regard to case and width, and without what nobody sees.
func fold(name string) string {
	const firstWide, lastWide, toNarrow = '\uFF01', '\uFF5E', '\uFF01' - '!'
	return strings.Map(func(r rune) rune {
		if r >= firstWide && r <= lastWide {
			r -= toNarrow
		}
		if unicode.In(r, unicode.Cf, unicode.Mn) {
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r)) // by way of the capital, as "ſ" is an "s" and the Kelvin sign a "k"
	}, name)
}

// envelopeKeys are what a request may hold beside what nobody knows of yet. Each stands there once, in this case.
var envelopeKeys = []string{"id", "type", "occurred_at", "event_id", "organization_id", dataKey}

const dataKey = "data"

// Of reads the body of a request, which is one JSON object (revento.ParseEnvelope). It looks at each key as it stands there:
// of a key that comes twice, encoding/json would show the last alone. fields are the keys of data that are about the connection.
func Of(body []byte, fields alert.FieldFilter) Subject {
	r := reader{body: body, decoder: json.NewDecoder(bytes.NewReader(body)), fields: fields}
	r.envelope()
	subject := Subject{Kind: Connection, Digest: revento.Hash(r.data...)}
	switch {
	case r.namesPerson:
		subject.Kind = Person
	case len(r.unknown) > 0:
		subject.Kind, subject.Keys = Unknown, r.unknown
	}
	return subject
}

// reader is a look at one request.
type reader struct {
	body    []byte
	decoder *json.Decoder
	fields  alert.FieldFilter

	namesPerson bool
	// unknown names keys that are not known to be about the connection.
	unknown []string
	// data is what the key "data" held, each time that it came.
	data []string
}

// token is the next token, or nil behind the last: the body was read before, so that it is JSON.
func (r *reader) token() json.Token {
	token, _ := r.decoder.Token()
	return token
}

func (r *reader) key() string {
	key, _ := r.token().(string)
	return key
}

func (r *reader) envelope() {
	seen := map[string]bool{}
	for r.token(); r.decoder.More(); {
		key := r.key()
		known := fold(key)
		if !slices.Contains(envelopeKeys, known) { // envelopes may gain fields; they change nothing unless they name a person
			r.namesPerson = r.namesPerson || NamesPerson(key)
			r.walk(place{scope: isScope(key)})
			continue
		}
		if key != known {
			r.doubt(key, "")
		} else if seen[known] {
			r.doubt(key, twice)
		}
		seen[known] = true
		if known == dataKey {
			r.readData()
		} else {
			r.walk(place{})
		}
	}
}

// readData reads what the data holds. Where that is nothing, it is about the connection.
func (r *reader) readData() {
	begin := r.decoder.InputOffset()
	r.walk(place{strict: true})
	data := compact(bytes.TrimLeft(r.body[begin:r.decoder.InputOffset()], ": \t\r\n"))
	r.data = append(r.data, data)
	switch data {
	case "null", "{}", "[]", `""`:
		return
	}
	if data[0] != '{' {
		r.doubt(dataKey, "")
	}
}

// place is where a value stands.
type place struct {
	// path names the keys above it, each with a dot behind it.
	path string
	// scope says that it stands under a scope, and strict that each of its keys must be one of the fields.
	scope, strict bool
}

// below is the place of a key's value.
func (p place) below(key string) place {
	if len(p.path) < maxKeyLength { // a longer one is not shown
		p.path += key + "."
	}
	p.scope = p.scope || isScope(key)
	return p
}

// walk goes through the next value.
func (r *reader) walk(at place) {
	switch token := r.token().(type) {
	case json.Delim:
		if token == '{' {
			r.walkObject(at)
		}
		for token == '[' && r.decoder.More() {
			r.walk(at)
		}
		r.token() // what closes it
	case string:
		r.namesPerson = r.namesPerson || at.scope && NamesPerson(token)
	}
}

func (r *reader) walkObject(at place) {
	seen := map[string]bool{}
	for r.decoder.More() {
		key := r.key()
		r.namesPerson = r.namesPerson || NamesPerson(key)
		switch known := fold(key); {
		case at.strict && !(isPlain(key) && r.fields.Admits(key)):
			r.doubt(at.path+key, "")
		case at.strict && seen[known]:
			r.doubt(at.path+key, twice)
		default:
			seen[known] = true
		}
		r.walk(at.below(key))
	}
}

func isScope(key string) bool { return strings.Contains(fold(key), scopeWord) }

// twice is said of a key that comes more than once.
const twice = " (twice)"

// doubt notes a key that nobody foresaw. A name that has not the form of a field's may be a person's, and is not shown.
func (r *reader) doubt(key, how string) {
	if !isPlain(key) || len(key) > maxKeyLength {
		key, how = "(no field's name)", ""
	}
	if len(r.unknown) < MaxKeys && !slices.Contains(r.unknown, key+how) {
		r.unknown = append(r.unknown, key+how)
	}
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// isPlain says whether a key is written as Revento writes its own: letters of another script may look the same.
func isPlain(key string) bool { return plainKey.MatchString(key) }

func compact(value []byte) string {
	var text bytes.Buffer
	_ = json.Compact(&text, value) // cannot fail: it is part of a body that was read before
	return text.String()
}
