// Package ground is the wing that everything stands on: the classes of failures, text made fit to be shown, secrets and their forms, private
// files, schedules, the log.
//
// Here belongs what knows neither Revento nor an alert, and what more than one wing needs. It stays small: what only one wing uses lives in
// that wing. Nothing here imports another wing.
//
// Begin with fault/fault.go: the class of a failure decides everywhere what happens next.
package ground
