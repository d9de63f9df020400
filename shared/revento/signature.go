package revento

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// The headers of a delivery. Only the timestamp and the body are signed. (guide: /webhooks/events/, /webhooks/signatures/)
const (
	HeaderEvent      = "X-Revento-Event"
	HeaderDeliveryID = "X-Revento-Delivery-Id"
	HeaderTimestamp  = "X-Revento-Timestamp"
	HeaderSignature  = "X-Revento-Signature"
)

// signaturePrefix names the only scheme that the guide knows. Values with another prefix are ignored, so that Revento
// can add a scheme without breaking receivers.
const signaturePrefix = "sha256="

// maxTimestampDigits keeps a timestamp in seconds well inside an int64; twelve digits last until the year 33658.
const maxTimestampDigits = 12

// Refusals of ParseProof. They carry nothing of what was received.
var (
	ErrNoTimestamp  = errors.New("header " + HeaderTimestamp + " is missing")
	ErrBadTimestamp = errors.New("header " + HeaderTimestamp + " is not a number of seconds")
	ErrNoSignature  = errors.New("header " + HeaderSignature + " is missing")
	ErrBadSignature = errors.New("header " + HeaderSignature + " holds no sha256= and 64 hex digits")
)

// Proof is what a request offers in order to be believed: when it was signed, and the signatures over that moment and
// the body.
type Proof struct {
	// SignedAt is the timestamp header's moment, in whole seconds.
	SignedAt time.Time

	timestamp  string // as received: these characters are what is signed
	signatures [][sha256.Size]byte
}

// ParseProof reads the timestamp and the signature header. Several signatures may be separated by commas, their digits
// in either case. It returns ErrNoTimestamp, ErrBadTimestamp, ErrNoSignature or ErrBadSignature.
func ParseProof(timestamp, signature string) (Proof, error) {
	signedAt, err := parseTimestamp(timestamp)
	if err != nil {
		return Proof{}, err
	}
	if signature == "" {
		return Proof{}, ErrNoSignature
	}
	proof := Proof{SignedAt: signedAt, timestamp: timestamp}
	for value := range strings.SplitSeq(signature, ",") {
		digits, known := strings.CutPrefix(strings.TrimSpace(value), signaturePrefix)
		if !known || len(digits) != hex.EncodedLen(sha256.Size) {
			continue
		}
		var sum [sha256.Size]byte
		if _, err := hex.Decode(sum[:], []byte(digits)); err == nil {
			proof.signatures = append(proof.signatures, sum)
		}
	}
	if len(proof.signatures) == 0 {
		return Proof{}, ErrBadSignature
	}
	return proof, nil
}

func parseTimestamp(timestamp string) (time.Time, error) {
	if timestamp == "" {
		return time.Time{}, ErrNoTimestamp
	}
	if len(timestamp) > maxTimestampDigits || strings.Trim(timestamp, "0123456789") != "" {
		return time.Time{}, ErrBadTimestamp
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return time.Time{}, ErrBadTimestamp
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// IsFresh says whether the proof was signed within tolerance of now, in either direction: a timestamp from the future is
// as suspect as an old one. (guide: /webhooks/signatures/)
func (p Proof) IsFresh(now time.Time, tolerance time.Duration) bool {
	return now.Sub(p.SignedAt).Abs() <= tolerance
}

// Digest tells signed bytes, which are timestamp, "." and body, from others: their SHA-256, keyed with the newest secret.
type Digest [sha256.Size]byte

// Match returns the index of the first secret that made one of the proof's signatures over body, or -1, and the digest of the
// signed bytes, which is the same whichever secret signed them. Comparison takes the same time wherever two signatures differ.
func (p Proof) Match(secrets []string, body []byte) (index int, digest Digest) {
	for i, secret := range secrets {
		want := sum(secret, p.timestamp, body)
		if i == 0 {
			digest = want
		}
		for _, got := range p.signatures {
			if hmac.Equal(got[:], want[:]) {
				return i, digest
			}
		}
	}
	return -1, digest
}

// MatchingSecret returns the index that Match does.
func (p Proof) MatchingSecret(secrets []string, body []byte) int {
	index, _ := p.Match(secrets, body)
	return index
}

// Sign returns the signature header's value for a body sent at timestamp, a number of seconds since 1970. The key is the
// secret's characters as they are, neither base64 nor hex. (guide: /webhooks/signatures/, /code-examples/)
func Sign(secret, timestamp string, body []byte) string {
	digest := sum(secret, timestamp, body)
	return signaturePrefix + hex.EncodeToString(digest[:])
}

func sum(secret, timestamp string, body []byte) (digest [sha256.Size]byte) {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	mac.Sum(digest[:0])
	return digest
}
