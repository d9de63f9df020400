// Package testkit is the wing of what only tests use: the engines in memory, the cases that every engine is held to, mishaps, stories of
// applications.
//
// Here belongs what tests of more than one package need. Nothing that runs in production imports it.
//
// Begin with conformance/ledger.go: what is asked of every ledger.
package testkit
