package sqlite

import "os"

// isForeign is not known on Windows, where a folder under the user's own is closed to others.
func isForeign(os.FileInfo) bool { return false }

// writableByOthers is not known on Windows: Go's permissions there are made up.
func writableByOthers(os.FileInfo) bool { return false }
