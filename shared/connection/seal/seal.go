package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/secret"
)

// About is what a sealed value is about. It opens as nothing else.
type About struct {
	Connection record.Connection
	Kind       record.Kind
	// Grant is the consent that it came of, Generation which one of the grant's it is.
	Grant      string
	Generation int64
	// ID is the record's, where the connection has several of the kind.
	ID string
}

// encode is what distinguishes one About from each other one, and holds no id of an event or organization.
func (a About) encode() []byte {
	parts := []any{a.Connection.Partition(), a.Kind, a.Grant, a.Generation}
	if a.ID != "" { // without one it is as it was before there were any
		parts = append(parts, a.ID)
	}
	encoded, err := json.Marshal(parts)
	if err != nil { // not of texts and numbers
		panic(err)
	}
	return encoded
}

// Sealed is a sealed value as it is stored: the form's version, the key's id, and nonce, ciphertext and tag in base64.
type Sealed string

const (
	version   = "1"
	separator = "."
)

// The errors of Open and Seal.
var (
	// ErrNoKey is returned where the ring has no key at all, or not the one that sealed: it was taken out too early, or the ring is
	// another installation's.
	ErrNoKey = errors.New("the ring does not have the key that this was sealed with")
	// ErrNotSealed is returned for what is no sealed value, was changed, or is about something else.
	ErrNotSealed = errors.New("this is no sealed value, was changed, or is about something else")
)

// Seal seals a value with the newest key. It returns ErrNoKey.
func (r Ring) Seal(about About, plain []byte) (Sealed, error) {
	if len(r.keys) == 0 {
		return "", ErrNoKey
	}
	newest := r.keys[0]
	box := newest.box(about, r.seed).Seal(nil, nil, plain, about.encode())
	return Sealed(strings.Join([]string{version, newest.id, base64.RawURLEncoding.EncodeToString(box)}, separator)), nil
}

// Open returns the value that was sealed about this. It returns ErrNoKey and ErrNotSealed.
func (r Ring) Open(about About, sealed Sealed) ([]byte, error) {
	id, box, err := sealed.parse()
	if err != nil {
		return nil, err
	}
	for _, key := range r.keys {
		if key.id != id {
			continue
		}
		plain, err := key.box(about, r.seed).Open(nil, nil, box, about.encode())
		if err != nil {
			return nil, ErrNotSealed
		}
		return plain, nil
	}
	return nil, fmt.Errorf("%w: it is %s", ErrNoKey, id)
}

// NeedsReseal says whether another key than the newest sealed the value: who opens it seals it again.
func (r Ring) NeedsReseal(sealed Sealed) bool {
	id, _, err := sealed.parse()
	return err == nil && len(r.keys) > 0 && id != r.keys[0].id
}

// parse returns ErrNotSealed for what has another form.
func (s Sealed) parse() (id string, box []byte, err error) {
	parts := strings.Split(string(s), separator)
	if len(parts) != 3 || parts[0] != version || len(parts[1]) != 2*idBytes || strings.Trim(parts[1], "0123456789abcdef") != "" {
		return "", nil, ErrNotSealed
	}
	box, err = base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return "", nil, ErrNotSealed
	}
	return parts[1], box, nil
}

// box is AES-256-GCM with a key for this value alone, so that none comes near the number of values that one key may seal with random
// nonces. https://nvlpubs.nist.gov/nistpubs/Legacy/SP/nistspecialpublication800-38d.pdf section 8.3
func (k key) box(about About, seed secret.Hidden) cipher.AEAD {
	block, err := aes.NewCipher(derive(k.text.Show(), seed.Show(), purposeSeal+string(about.encode()), keyBytes))
	if err != nil { // for keys of another length only
		panic(err)
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil { // for other ciphers only
		panic(err)
	}
	return box
}
