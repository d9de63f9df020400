// Package web is the wing of the pages that organizers, and later participants, see: what anybody on the internet can ask for beside
// the webhook. The operator's console is no part of it.
//
// Here belongs what a browser gets and sends: pages, texts, cookies, headers. What a consent is belongs to package consent. A page is
// rendered here, works without script, and asks nobody else for anything.
//
// Begin with web/pages.go: which pages there are.
package web
