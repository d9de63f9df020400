// Package seal seals what is kept of a connection and must be read by nobody else: its tokens. A value is bound to what it is about,
// so that one that was copied to another connection, kind, grant or generation does not open. Keys lie in a ring, and rotate.
package seal

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/written"
)

// The length of a key's text, in characters. The shortest is what 32 random bytes are in base64; a generator of passwords that
// makes as many letters and digits gives as much.
const (
	minKeyLength = 43
	maxKeyLength = 256
)

// keyBytes is how much of a key is random, and how long the keys are that are derived from it: AES-256's.
const keyBytes = 32

// Ring is the keys that seal: the newest seals, each opens what it sealed. The zero value has none. Nothing that prints it shows one.
type Ring struct {
	keys []key // newest first
	// seed is what else is needed to open what is sealed; none in most (Seeded).
	seed secret.Hidden
}

type key struct {
	id   string
	text secret.Hidden
}

// SeedBytes is how long a seed is.
const SeedBytes = 32

// ErrSeed is returned for a seed of another length: with none, what is sealed would open without it.
var ErrSeed = errors.New("a seed of sealing keys has not the length that it must have")

// Seeded returns the ring with a seed of SeedBytes random bytes, which are needed beside a key to open what it seals: where the seed is
// gone, nobody opens it, whatever keys they have. It returns ErrSeed.
func (r Ring) Seeded(seed []byte) (Ring, error) {
	if len(seed) != SeedBytes {
		return Ring{}, ErrSeed
	}
	r.seed = secret.Hide(string(seed))
	return r, nil
}

// forms is the remedy of an error of Parse.
const forms = `write keys of 43 characters or more, the newest first: one a line, with commas between, or as {"keys": ["new", "old"]}`

// The errors of what is no ring. None holds any part of it.
var (
	errForm       = errors.New("it begins like JSON and is not of the known form")
	errShort      = fmt.Errorf("a key has not %d to %d characters", minKeyLength, maxKeyLength)
	errCharacters = errors.New("a key holds a blank or another character that no key has")
	errTwice      = errors.New("a key is there twice")
)

// Parse reads a ring in each of its forms: keys with commas between, one a line, in quotes, or as JSON: {"keys": ["new", "old"]} or
// ["new", "old"]. A key is a text of at least 43 characters that nobody can guess. It returns secret.ErrEmpty for a ring that nobody has
// filled in yet.
func Parse(text string) (Ring, error) {
	texts, err := keyTexts(text)
	if err != nil {
		return Ring{}, fmt.Errorf("sealing keys: %w: %s", err, forms)
	}
	var ring Ring
	for _, text := range texts {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if ring, err = ring.with(text); err != nil {
			return Ring{}, fmt.Errorf("sealing keys: %w: %s", err, forms)
		}
	}
	if len(ring.keys) == 0 {
		return Ring{}, fmt.Errorf("sealing keys: %w", secret.ErrEmpty)
	}
	return ring, nil
}

func keyTexts(text string) (texts []string, err error) {
	encoded := written.Value(text)
	switch {
	case strings.HasPrefix(encoded, "["):
		err = json.Unmarshal([]byte(encoded), &texts)
	case strings.HasPrefix(encoded, "{"):
		var form struct {
			Keys []string `json:"keys"`
		}
		err = json.Unmarshal([]byte(encoded), &form)
		texts = form.Keys
	default:
		return written.List(text)
	}
	if err != nil || len(texts) == 0 {
		return nil, errForm // and not the decoder's own error, which may quote a key
	}
	return texts, nil
}

// with returns the ring with one key more, the oldest.
func (r Ring) with(text string) (Ring, error) {
	if len(text) < minKeyLength || len(text) > maxKeyLength {
		return Ring{}, errShort
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) || strings.ContainsAny(text, `"',`) {
		return Ring{}, errCharacters
	}
	added := key{id: idOf(text), text: secret.Hide(text)}
	for _, known := range r.keys {
		if known.id == added.id {
			return Ring{}, errTwice
		}
	}
	return Ring{keys: append(r.keys[:len(r.keys):len(r.keys)], added)}, nil
}

// Add returns the ring with a new key, which seals from now on.
func (r Ring) Add() Ring {
	random := make([]byte, keyBytes)
	_, _ = rand.Read(random) // never fails: https://pkg.go.dev/crypto/rand#Read
	text := base64.RawURLEncoding.EncodeToString(random)
	return Ring{keys: append([]key{{id: idOf(text), text: secret.Hide(text)}}, r.keys...)}
}

// Format is the ring as Parse reads it, one key a line. It is for where the ring is kept, and for nothing else.
func (r Ring) Format() string {
	var text strings.Builder
	for _, key := range r.keys {
		text.WriteString(key.text.Show())
		text.WriteByte('\n')
	}
	return text.String()
}

// IDs are the keys' ids, which tell nothing of the keys: the newest first.
func (r Ring) IDs() []string {
	ids := make([]string, len(r.keys))
	for i, key := range r.keys {
		ids[i] = key.id
	}
	return ids
}

// String names the keys by their ids.
func (r Ring) String() string { return "sealing keys " + strings.Join(r.IDs(), ", ") }

// GoString is String, so that no format shows a key.
func (r Ring) GoString() string { return r.String() }

// LogValue is String, so that no log shows a key.
func (r Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }

// idBytes make an id of 16 hex digits: enough to tell a ring's keys apart.
const idBytes = 8

// The purposes that package seal itself derives keys for. Those of Derive have another prefix.
const (
	purposeID    = "revento-alerts key id"
	purposeSeal  = "revento-alerts seal 1"
	purposeOther = "revento-alerts for "
)

// idOf is a key's id: derived from it, so that a ring is a list of keys and nothing that has to fit together.
func idOf(text string) string { return hex.EncodeToString(derive(text, "", purposeID, idBytes)) }

// Derive returns a key of 32 bytes for a purpose of its own, such as to sign links, from each of the ring's keys: the newest first, which
// signs; all of them verify.
func (r Ring) Derive(purpose string) [][]byte {
	derived := make([][]byte, len(r.keys))
	for i, key := range r.keys {
		derived[i] = derive(key.text.Show(), "", purposeOther+purpose, keyBytes)
	}
	return derived
}

// derive is HKDF-SHA256 with a seed as the salt, or without one: the keys are random already. The salt is the key of the HMAC that takes the
// text, so that what is derived is known to nobody who has but one of the two.
// https://www.rfc-editor.org/rfc/rfc5869#section-3.1
func derive(text, seed, purpose string, length int) []byte {
	derived, err := hkdf.Key(sha256.New, []byte(text), []byte(seed), purpose, length)
	if err != nil { // for lengths over 8160 bytes only
		panic(err)
	}
	return derived
}
