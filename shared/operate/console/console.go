// Package console is the operator's page: static files that show what package api answers. They are within the program, need
// no build step, and ask nobody but the server that they come from.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"
)

// Path is where the page is; AssetsPath is where its files are. Nothing else is served.
const (
	Path       = "/"
	AssetsPath = "/console/"
)

// policy lets the page run and load its own files alone, so that a value that found its way into the page as markup would do
// nothing. https://www.w3.org/TR/CSP3/
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

//go:embed page
var files embed.FS

const (
	folder = "page"
	index  = "index.html"
)

// contentTypes are not the machine's own, which may know none of them, or others.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// Handler serves the page at Path and its files below AssetsPath, for GET and HEAD.
func Handler() *http.ServeMux {
	mux := http.NewServeMux()
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		panic("console: the page is not in the program: " + err.Error())
	}
	for _, entry := range entries {
		address := AssetsPath + entry.Name()
		if entry.Name() == index {
			address = Path + "{$}"
		}
		mux.Handle("GET "+address, newFile(entry.Name()))
	}
	return mux
}

// file is a file of the page.
type file struct {
	name    string
	content []byte
	tag     string
}

func newFile(name string) file {
	content, err := files.ReadFile(path.Join(folder, name))
	if err != nil {
		panic("console: read what was listed: " + err.Error())
	}
	sum := sha256.Sum256(content)
	return file{name, content, `"` + hex.EncodeToString(sum[:]) + `"`}
}

// ServeHTTP has the browser ask each time whether its copy is the newest, so that a new version of the program is a new page.
func (f file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", contentTypes[path.Ext(f.name)])
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", f.tag)
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(f.content))
}
