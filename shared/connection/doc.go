// Package connection is the wing of a connection's life, one event of one organization: how it begins with an organizer's consent, what it
// is allowed and how it fares meanwhile, and how it ends, at the latest when Revento requires that its data goes.
//
// The package itself is the registry: which connections there are, in what state each is, how one is found, and what stops it. It lies below
// all others of the wing.
//
// Here belong rules: who may act for a connection and when, what stops at once, what is deleted and when, and what proves it. What an
// alert is, and whom a request for deletion concerns, belongs to alerting.
//
// Begin with state.go: the states of a connection; then tombstone.go: what stops one; deletion/case.go: the states of a deletion;
// grant/grant.go: how a token lives; mirror/row.go and mirror/stamp.go: what Revento knows, and which document stands.
package connection
