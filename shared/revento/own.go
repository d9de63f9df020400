package revento

import "slices"

// The types of our own: what a connection shows and no webhook tells. They are routed like Revento's. Revento sends none of them, and one
// that comes from outside is ignored.
const (
	TypeParticipantCancelled = "participant.cancelled"
	TypeConnectionBroken     = "connection.broken"
	TypeConnectionRestored   = "connection.restored"
	TypeConnectionExpiring   = "connection.expiring"
	TypeSyncHeld             = "sync.held"
	TypeReventoUnreachable   = "revento.unreachable"
)

// OwnTypes lists them.
var OwnTypes = []string{
	TypeParticipantCancelled, TypeConnectionBroken, TypeConnectionRestored, TypeConnectionExpiring, TypeSyncHeld, TypeReventoUnreachable,
}

// IsOwn says whether a type is one of our own.
func IsOwn(eventType string) bool { return slices.Contains(OwnTypes, eventType) }

// mirrored are the families of types whose events change what a mirror of the connection keeps. (guide: /patterns/)
var mirrored = []string{"application", "participant", "activity", "thread", "location", "event"}

// IsMirrored says whether an event of the type, as it came from Revento, changes what a mirror of its connection keeps.
func IsMirrored(eventType string) bool {
	return !IsOwn(eventType) && slices.Contains(mirrored, FamilyOf(eventType))
}
