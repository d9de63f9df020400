package sandbox

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
)

//go:embed page
var files embed.FS

// pages are all of the sandbox's. They work without script, and load nothing.
var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"faultText": func(kind FaultKind) string { return faultTexts[kind] },
}).ParseFS(files, "page/*.html"))

var style = mustRead("page/style.css")

func mustRead(name string) template.CSS {
	content, err := files.ReadFile(name)
	if err != nil {
		panic("sandbox: a page's file is not in the program: " + err.Error())
	}
	return template.CSS(content)
}

// styleSource allows the pages' own style sheet alone. https://www.w3.org/TR/CSP3/#external-hash
var styleSource = func() string {
	hash := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
}()

// pageHeader is what every page is sent with. A form leads to this page's own server, and on from there to where formTo
// says: browsers hold a redirect that answers a form to form-action, too. https://www.w3.org/TR/CSP3/#directive-form-action
func (s *Sandbox) pageHeader(w http.ResponseWriter, formTo string) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src "+styleSource+"; form-action 'self' "+formTo+
		"; frame-ancestors 'none'; base-uri 'none'")
	header.Set("Cache-Control", "no-store")
	// With no-referrer a browser would say of the page's own forms that they come from nowhere.
	header.Set("Referrer-Policy", "same-origin")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Date", s.Now().Format(http.TimeFormat))
}

func (s *Sandbox) showPage(w http.ResponseWriter, status int, name, formTo string, content any) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, content); err != nil {
		panic("sandbox: a page cannot be written: " + err.Error())
	}
	s.pageHeader(w, formTo)
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // who asked may be gone; there is nobody left to tell
}

// scopeTexts say what a scope unlocks. (guide: /scopes/)
var scopeTexts = map[string]string{
	"event.read":        "Read the event: its name and dates",
	"participants.read": "Read the participants: profiles, form answers, roles and application statuses",
	"program.read":      "Read the program: activities, threads, locations and registration waves",
	"profile.read":      "Read your name and e-mail address",
	"event.attendance":  "Read your application for this event",
}

// maxPeople is among how many persons one can choose on the consent page.
const maxPeople = 100

type consentPage struct {
	Style                          template.CSS
	Action, Ticket, Client, BackTo string
	Event, EventID, Organization   string
	Scopes                         []scopeLine
	SignIn                         bool
	People                         []personLine
}

type scopeLine struct {
	Name, What string
	Optional   bool
}

type personLine struct{ User, Name string }

func (s *Sandbox) showConsent(w http.ResponseWriter, t *ticket) {
	back, err := url.Parse(t.redirect)
	if err != nil {
		panic("sandbox: a redirect URI that was registered is no URL: " + err.Error())
	}
	content := consentPage{
		Style: style, Action: AuthorizePath, Ticket: t.id, Client: t.clientName, BackTo: back.Host,
		SignIn: t.kind == User, Event: t.titled, EventID: t.event, Organization: t.organization,
	}
	content.Scopes, content.People = s.consentLines(t)
	s.showPage(w, http.StatusOK, "consent", back.Scheme+"://"+back.Host, content)
}

func (s *Sandbox) consentLines(t *ticket) (scopes []scopeLine, people []personLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range t.scope {
		scopes = append(scopes, scopeLine{name, scopeTexts[name], slices.Contains(s.clients[t.client].Optional, name)})
	}
	if t.kind == Installation {
		return scopes, nil
	}
	of := s.event(t.event).Participants
	for _, p := range of[:min(len(of), maxPeople)] {
		people = append(people, personLine{p.User, p.Name})
	}
	return scopes, people
}

func (s *Sandbox) showFailure(w http.ResponseWriter, status int, why error) {
	s.showPage(w, status, "failure", "", struct {
		Style template.CSS
		Why   string
	}{style, why.Error()})
}
