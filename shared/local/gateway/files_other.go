//go:build !unix

package gateway

// openFiles is how many files the process may open.
func openFiles() int { return manyFiles }
