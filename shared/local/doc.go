// Package local is the wing of one machine: serve runs everything there, gateway stands before it in place of API Gateway, sqlite keeps what
// AWS would keep, recurring is the table of what is done again and again, sink writes the log, keyring keeps the sealing keys.
// In serve, poller.go waits on the queues as Lambda does on SQS, and stop.go is what SIGTERM leads to.
//
// Here belongs what is so only because all runs in one process on one disk: ports, files, locks, a disk that is full. It uses the handlers of
// the functions as they are, so that what is tried on one machine is what runs on AWS.
//
// Begin with serve/serve.go, then sqlite/open.go; sqlite/trouble.go says what happens when the disk is full.
package local
