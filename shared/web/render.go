package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed page
var files embed.FS

// layout is every page's. What is put into it is escaped by html/template, wherever it stands.
var layout = template.Must(template.ParseFS(files, "page/page.html"))

var style = func() template.CSS {
	content, err := files.ReadFile("page/style.css")
	if err != nil {
		panic("web: the style sheet is not in the program: " + err.Error())
	}
	return template.CSS(content)
}()

// page is what a page shows.
type page struct {
	Text    text
	EventID string
	Scopes  []scope
	// Said is what Revento's own page says.
	Said string
	// Retry is where one can begin again; "" where one cannot.
	Retry string
	// CanLookAgain says that the same address will soon tell more.
	CanLookAgain bool
	IsReplayed   bool
}

// Product and Style are every page's.
func (page) Product() string     { return product }
func (page) Style() template.CSS { return style }

// The labels.
func (page) EventLabel() string     { return labelEvent }
func (page) RetryLabel() string     { return labelRetry }
func (page) LookAgainLabel() string { return labelLookAgain }
func (page) SaidLabel() string      { return labelSaid }
func (page) ReplayedLabel() string  { return labelReplayed }

// policy lets a page show its own style sheet and its own icon, and do nothing else: it runs no script, loads nothing, sends no form, is
// in no frame. What is not named falls back to default-src, object-src among it. (ASVS 3.4.3 and 3.4.6)
// https://www.w3.org/TR/CSP3/#external-hash
var policy = func() string {
	hash := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; img-src data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// strictTransport has browsers ask by https alone from now on, for the year that ASVS 3.4.1 asks for. What is on other hosts of the domain
// is not ours to decide.
const strictTransport = "max-age=31536000"

// head is every answer's. Addresses hold links, codes and states: they are neither kept by a browser (ASVS 14.3.2) nor told to another site
// (ASVS 3.4.5; RFC 9700, section 4.2.4).
func (p *Pages) head(header http.Header) {
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff") // ASVS 3.4.4
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if p.public.IsSecure() {
		header.Set("Strict-Transport-Security", strictTransport)
	}
}

func (p *Pages) write(w http.ResponseWriter, given answer) {
	header := w.Header()
	p.head(header)
	for _, cookie := range given.cookies {
		http.SetCookie(w, cookie)
	}
	if given.location != "" {
		header.Set("Location", given.location)
		w.WriteHeader(given.status)
		return
	}
	if given.status == http.StatusMethodNotAllowed {
		header.Set("Allow", http.MethodGet)
	}
	if given.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(given.retryAfter.Seconds())))
	}
	var body bytes.Buffer
	if err := layout.Execute(&body, given.page); err != nil {
		panic("web: a page cannot be written: " + err.Error())
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(given.status)
	_, _ = w.Write(body.Bytes()) // who asked may be gone; there is nobody left to tell
}
