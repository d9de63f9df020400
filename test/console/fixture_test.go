//go:build browser

package console_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"revento-alerts/shared/operate/console"
)

// object is a JSON object.
type object = map[string]any

// The folders in testdata: what a stage serves.
const (
	usual   = "usual"
	hostile = "hostile" // with values that a stranger could send
)

// stage serves the page, and in place of the API a folder's files. What is done on the page changes what is served next.
type stage struct {
	t      *testing.T
	folder string
	server *httptest.Server

	mu      sync.Mutex
	answers map[string]object // by path behind /api/
	posted  []string          // the paths that were posted to
	down    bool
}

func newStage(t *testing.T, folder string) *stage {
	t.Helper()
	s := &stage{t: t, folder: folder, answers: map[string]object{}}
	for _, name := range []string{"overview", "deliveries", "slack", "pagerduty", "dead-letters", "deletions", "routes", "refused", "connections"} {
		s.answers[name] = s.read(name)
	}
	mux := http.NewServeMux()
	mux.Handle("/", console.Handler())
	mux.HandleFunc("GET /api/", s.get)
	mux.HandleFunc("POST /api/", s.post)
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

// read reads a file. It does not end the test: it is called from handlers as well.
func (s *stage) read(name string) object {
	content, err := os.ReadFile(filepath.Join("testdata", s.folder, name+".json"))
	if err != nil {
		s.t.Error(err)
	}
	var value object
	if err := json.Unmarshal(content, &value); err != nil {
		s.t.Errorf("%s: %v", name, err)
	}
	return value
}

// change changes what is served.
func (s *stage) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func (s *stage) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.Path[len("/api/"):]
	answer, known := s.answers[path]
	dir, name := filepath.Split(path)
	switch {
	case s.down:
		w.WriteHeader(http.StatusServiceUnavailable)
		answer = object{"error": "storage does not answer"}
	case dir == "trace/":
		answer = s.read("trace")
		answer["delivery_id"] = name
	case dir == "deletions/":
		answer = object{"id": name, "statement": "Statement of the deletion " + name}
	case r.URL.Query().Has("before"):
		answer = s.read("older")
	case !known:
		w.WriteHeader(http.StatusNotFound)
		answer = object{"error": "there is nothing under this path and method"}
	}
	s.answer(w, answer)
}

func (s *stage) answer(w http.ResponseWriter, answer object) {
	// The page may be gone.
	_ = json.NewEncoder(w).Encode(answer)
}

// post does what is asked for to what is served.
func (s *stage) post(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.Path[len("/api/"):]
	s.posted = append(s.posted, path)
	var asked object
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		s.t.Errorf("%s: the body is not JSON: %v", path, err)
	}
	switch dir, name := filepath.Split(path); {
	case dir == "dead-letters/":
		s.answer(w, s.treat(name, asked["ids"].([]any)))
	case dir == "samples/":
		s.answer(w, object{"code": http.StatusOK, "status": "accepted", "delivery_id": "sample-1"})
	case name == "probe":
		s.answers["connections"]["connections"].([]any)[0].(object)["observed_at"] = "2026-11-24T04:41:00Z"
		s.answer(w, object{})
	case name == "close":
		s.deletion(filepath.Base(dir))["state"] = "closed"
		s.deletion(filepath.Base(dir))["note"] = asked["note"]
		s.answer(w, s.deletion(filepath.Base(dir)))
	default:
		w.WriteHeader(http.StatusConflict)
		s.answer(w, object{"error": "not in this state: it is past that"})
	}
}

func (s *stage) treat(what string, ids []any) object {
	outcome := map[string]string{"redrive": "redriven", "drop": "dropped"}[what]
	results := []object{}
	letters := s.answers["dead-letters"]["letters"].([]any)
	s.answers["dead-letters"]["letters"] = slices.DeleteFunc(letters, func(letter any) bool {
		chosen := slices.Contains(ids, letter.(object)["id"])
		if chosen {
			results = append(results, object{"letter": letter, "outcome": outcome})
		}
		return chosen
	})
	return object{"results": results}
}

func (s *stage) deletion(id string) object {
	for _, it := range s.answers["deletions"]["deletions"].([]any) {
		if it.(object)["id"] == id {
			return it.(object)
		}
	}
	s.t.Errorf("there is no deletion %s", id)
	return object{}
}
