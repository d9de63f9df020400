package consent

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/revento"
)

// flow is what the browser keeps from the link to the callback, sealed: it can neither be read nor be made by anybody else. It binds
// state and verifier to this browser and this event. (ASVS 10.1.2; RFC 9700, section 2.1.1)
type flow struct {
	State    string `json:"s"`
	Verifier string `json:"v"`
	EventID  string `json:"e"`
	Link     string `json:"l,omitempty"`
	End      int64  `json:"x"` // seconds since 1970
}

// stateHash is what is told of a state.
func stateHash(state string) string { return revento.Hash("flow", state) }

// flowIDLength, in hex digits, keeps the flows of one browser apart, and tells nothing of the state.
const flowIDLength = 16

func flowID(state string) string { return stateHash(state)[:flowIDLength] }

// about binds a sealed flow to its state, so that a cookie's value is of use under its own name only.
func about(state string) seal.About { return seal.About{Kind: record.Flow, Grant: stateHash(state)} }

func (f flow) seal(ring seal.Ring) (string, error) {
	plain, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("encode the flow: %w", err)
	}
	sealed, err := ring.Seal(about(f.State), plain)
	if err != nil {
		return "", fmt.Errorf("seal the flow: %w", err)
	}
	return string(sealed), nil
}

func openFlow(ring seal.Ring, state, sealed string) (flow, error) {
	plain, err := ring.Open(about(state), seal.Sealed(sealed))
	if err != nil {
		return flow{}, fmt.Errorf("open the flow: %w", err)
	}
	var opened flow
	if err := json.Unmarshal(plain, &opened); err != nil {
		return flow{}, fmt.Errorf("decode the flow: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(opened.State), []byte(state)) != 1 {
		return flow{}, fmt.Errorf("open the flow: %w", seal.ErrNotSealed)
	}
	return opened, nil
}

func (f flow) end() time.Time { return time.Unix(f.End, 0) }

// key is that of the attempt's record. The organization is not known until Revento answers, and the key must not change then: a second
// callback has to find it. So it lies in the partition of the event alone, and soon expires; it holds nothing of a person.
func (f flow) key() record.Key {
	return record.Key{Connection: record.Connection{EventID: f.EventID}, Kind: record.Flow, ID: stateHash(f.State)}
}

// isState says whether a text has the form of a state of ours.
func isState(text string) bool {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(decoded) == randomBytes
}
