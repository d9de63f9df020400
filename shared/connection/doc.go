// Package connection is the wing of a connection's life, one event of one organization: today its end, when Revento requires that its data
// goes.
//
// Here belong rules: what stops at once, what is deleted and when, what proves it, and whom a request concerns. What an alert is belongs to
// alerting.
//
// Begin with deletion/case.go: the states of a deletion; then grant/grant.go: how a token lives.
package connection
