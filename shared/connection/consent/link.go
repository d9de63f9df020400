package consent

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/revento"
)

// linkPurpose is what the keys that sign links are derived for.
const linkPurpose = "connect link"

// A link's token: when it ends, in seconds since 1970 as 8 bytes, the event's id, and the signature, in base64url.
const (
	endBytes = 8
	// signatureBytes of HMAC-SHA256's 32: half of it is what RFC 2104 recommends at the least.
	// https://www.rfc-editor.org/rfc/rfc2104#section-5
	signatureBytes = 16
	maxLinkLength  = (endBytes+MaxEventID+signatureBytes)*4/3 + 3
)

// MaxEventID is how long an event's id may be, in bytes: Revento names no limit.
const MaxEventID = 128

// IsEventID says whether a text can be an event's id: 1 to MaxEventID visible ASCII characters.
func IsEventID(text string) bool {
	if text == "" || len(text) > MaxEventID {
		return false
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// errNoKey is returned for an empty key ring.
var errNoKey = errors.New("sign a link: the key ring is empty")

// Link is a token that begins a connection of the event until its end, by the ring's newest key.
func Link(ring seal.Ring, eventID string, end time.Time) (string, error) {
	keys := ring.Derive(linkPurpose)
	if len(keys) == 0 {
		return "", errNoKey
	}
	said := append(binary.BigEndian.AppendUint64(nil, uint64(end.Unix())), eventID...)
	return base64.RawURLEncoding.EncodeToString(append(said, sign(keys[0], said)...)), nil
}

// linkIDLength, in hex digits, tells links apart.
const linkIDLength = 16

// linkID names a link where others read it.
func linkID(link string) string {
	if link == "" {
		return ""
	}
	return revento.Hash("link", link)[:linkIDLength]
}

func sign(key, said []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(said)
	return mac.Sum(nil)[:signatureBytes]
}

// readLink says when a link for the event ends, by any of the ring's keys; false for what is no such link. A signature is compared in
// constant time.
func readLink(ring seal.Ring, eventID, link string) (end time.Time, ok bool) {
	if len(link) > maxLinkLength {
		return time.Time{}, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(link)
	if err != nil || len(decoded) <= endBytes+signatureBytes {
		return time.Time{}, false
	}
	said, signature := decoded[:len(decoded)-signatureBytes], decoded[len(decoded)-signatureBytes:]
	for _, key := range ring.Derive(linkPurpose) {
		ok = hmac.Equal(sign(key, said), signature) || ok
	}
	if !ok || string(said[endBytes:]) != eventID {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(said)), 0), true
}
