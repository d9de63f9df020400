package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Control is the side that changes the world. It lets in whoever asks: who may is for the one who serves it to say. It can
// stand under any path that ends with a slash, stripped off.
//
//	GET  /           the page, ?event= the event whose rows it shows
//	GET  /world      a View as JSON, ?event= likewise
//	POST /do         does a Command that comes as JSON, or as the page's form, and sends the webhooks that are due
//
// What cannot be done is answered {"error": "..."}, or with the page that says so: 400 for what is asked wrongly, 500 where
// the change was made, and could not be kept, or not all webhooks sent.
func (s *Sandbox) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		s.showControl(w, http.StatusOK, query.Get("event"), actions[query.Get("done")].done)
	})
	mux.HandleFunc("GET /world", func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, http.StatusOK, s.Look(r.URL.Query().Get("event")))
	})
	mux.HandleFunc("POST /do", s.serveCommand)
	return http.NewCrossOriginProtection().Handler(mux)
}

// serveCommand does a command. A form is answered by leading back to the page.
func (s *Sandbox) serveCommand(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == "application/json" {
		var c Command
		err := json.NewDecoder(r.Body).Decode(&c)
		if err == nil {
			err = s.Do(r.Context(), c)
		} else {
			err = fmt.Errorf("%w: the body is none", ErrCommand)
		}
		if err != nil {
			answerJSON(w, statusOf(err), object{"error": err.Error()})
			return
		}
		answerJSON(w, http.StatusOK, object{"done": c.Action})
		return
	}
	c, err := readCommand(r)
	shown := r.PostForm.Get("shown")
	if err == nil {
		err = s.Do(r.Context(), c)
	}
	if err != nil {
		s.showControl(w, statusOf(err), shown, "Not done: "+err.Error()+".")
		return
	}
	// Relative to the address that the browser knows, which has the path that was stripped off.
	w.Header().Set("Location", "./?"+url.Values{"event": {shown}, "done": {c.Action}}.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

func statusOf(err error) int {
	if errors.Is(err, ErrCommand) {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

func readCommand(r *http.Request) (Command, error) {
	if err := r.ParseForm(); err != nil {
		return Command{}, fmt.Errorf("%w: the form cannot be read", ErrCommand)
	}
	form := r.PostForm
	c := Command{
		Action: form.Get("action"), EventID: form.Get("event_id"), ParticipantID: form.Get("participant_id"),
		UserID: form.Get("user_id"), ActivityID: form.Get("activity_id"), Name: form.Get("name"), Value: form.Get("value"),
		Kind: form.Get("kind"), At: form.Get("at"), For: form.Get("for"),
	}
	for name, field := range map[string]*int{"count": &c.Count, "skip": &c.Skip} {
		text := form.Get(name)
		if text == "" {
			continue
		}
		var err error
		if *field, err = strconv.Atoi(text); err != nil {
			return c, fmt.Errorf("%w: %s is no number", ErrCommand, name)
		}
	}
	return c, nil
}

func answerJSON(w http.ResponseWriter, status int, value any) {
	r := newReply(status, value)
	w.Header().Set("Content-Type", r.header.Get("Content-Type"))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // who asked may be gone; there is nobody left to tell
}

// controlPage is what the control's page shows.
type controlPage struct {
	View
	Style      template.CSS
	Outcome    string
	Places     []Place
	FaultKinds []FaultKind
	MaxRows    int
}

// NewestSent are the attempts to send, the newest first.
func (p controlPage) NewestSent() []Sent { return newestFirst(p.Sent) }

// NewestCalls are the calls, the newest first.
func (p controlPage) NewestCalls() []Call { return newestFirst(p.Calls) }

func newestFirst[T any](entries []T) []T {
	shown := slices.Clone(entries[max(0, len(entries)-maxRows):])
	slices.Reverse(shown)
	return shown
}

func (s *Sandbox) showControl(w http.ResponseWriter, status int, eventID, outcome string) {
	view := s.Look(eventID)
	if view.Event == nil {
		view = s.Look(view.Events[0].ID)
	}
	s.showPage(w, status, "control", "", controlPage{view, style, outcome, places, faultKinds, maxRows})
}
