package revento

import (
	"crypto/sha256"
	"encoding/hex"
)

// MaxDeliveryIDLength is the longest delivery id taken, in characters. Revento sends a UUID of 36; the limit is ours and
// keeps ids fit for a key, a log line and a header.
const MaxDeliveryIDLength = 128

// IsDeliveryID says whether id can be a delivery id: 1 to MaxDeliveryIDLength visible ASCII characters.
func IsDeliveryID(id string) bool {
	if id == "" || len(id) > MaxDeliveryIDLength {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

// StandInDeliveryID is the delivery id of a request that came without one: its body's hash, which a retry of the same
// body shares.
func StandInDeliveryID(body []byte) string {
	digest := sha256.Sum256(body)
	return "body-" + hex.EncodeToString(digest[:])
}
