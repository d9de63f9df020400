package sandbox

import (
	"encoding/json"
	"fmt"
	"time"
)

// saved is what another process can go on with. Tokens are in it as digests, which nobody can redeem. Consents that nobody
// has answered, codes, faults, budgets, logs and waiting webhooks are not.
type saved struct {
	Offset    time.Duration
	Rules     Rules
	CursorKey []byte
	Number    int
	Events    []*event
	Grants    []*grant
}

// Save returns the world, its clock, its rules, and what stands of all tokens, for Options.Saved.
func (s *Sandbox) Save() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := json.Marshal(saved{s.offset, s.rules, s.cursorKey, s.number, s.events, s.grants})
	if err != nil {
		return nil, fmt.Errorf("save the sandbox: %w", err)
	}
	return text, nil
}

// restore takes what Save returned.
func (s *Sandbox) restore(text []byte) error {
	var from saved
	if err := json.Unmarshal(text, &from); err != nil {
		return fmt.Errorf("read the saved sandbox: %w", err)
	}
	if len(from.Events) == 0 || len(from.CursorKey) == 0 {
		return fmt.Errorf("read the saved sandbox: it has no events")
	}
	s.offset, s.rules, s.cursorKey, s.number = from.Offset, from.Rules, from.CursorKey, from.Number
	s.events, s.grants = from.Events, from.Grants
	for _, g := range s.grants {
		for _, t := range g.Tokens {
			t.grant = g
			s.tokens[t.Digest] = t
		}
	}
	return nil
}

// keepSaved has everything kept, if somebody keeps it.
func (s *Sandbox) keepSaved() error {
	if s.keeper == nil {
		return nil
	}
	// In turn, so that what is kept last is the newest.
	s.keeping.Lock()
	defer s.keeping.Unlock()
	text, err := s.Save()
	if err != nil {
		return err
	}
	return s.keeper(text)
}
