// Package wiring puts the product together, once for all who run it: the functions, serve, the operator's commands and the
// tests. An engine, settings and providers go in; handlers and the operator's services come out. Each package below this one
// wires one function, or the operator's side, so that a function's binary links only what it uses.
//
// It is a wing of its own. Here belongs which rules are put together; no rule does, and no technology: engines and providers come as
// interfaces.
//
// Begin with wiring/wiring.go, then webhook/webhook.go, the smallest.
package wiring
