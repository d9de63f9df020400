// Package operate is the wing of the people who run the product: the console and its API, check, trace, dead letters, what a terminal shows.
//
// Here belongs what a person asks or does. The rules that it looks at live below; where it is served is the business of
// one machine (local), or of the command that asks a stack.
//
// Begin with access/door.go (who may read the console), then api/api.go, which lists all that the console and the commands can ask.
package operate
