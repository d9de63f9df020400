package console_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"revento-alerts/shared/operate/console"
)

func answer(t *testing.T, method, path string, header http.Header) *http.Response {
	t.Helper()
	request := httptest.NewRequest(method, path, nil)
	for name, values := range header {
		request.Header[name] = values
	}
	recorded := httptest.NewRecorder()
	console.Handler().ServeHTTP(recorded, request)
	return recorded.Result()
}

func body(t *testing.T, path string) string {
	t.Helper()
	recorded := httptest.NewRecorder()
	console.Handler().ServeHTTP(recorded, httptest.NewRequest(http.MethodGet, path, nil))
	if recorded.Code != http.StatusOK {
		t.Fatalf("%s is answered %d", path, recorded.Code)
	}
	return recorded.Body.String()
}

// addresses are where the page's files are.
func addresses(t *testing.T) []string {
	t.Helper()
	found := []string{console.Path}
	names, err := fs.Glob(os.DirFS("page"), "*[^l]")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		found = append(found, console.AssetsPath+name)
	}
	if len(found) < 3 {
		t.Fatalf("only %q were found", found)
	}
	return found
}

func TestEveryFileIsServedUnderAStrictPolicy(t *testing.T) {
	for _, address := range addresses(t) {
		response := answer(t, http.MethodGet, address, nil)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s is answered %d", address, response.StatusCode)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
				"frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control":                "no-cache",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, not %q", address, name, got, want)
			}
		}
	}
}

func TestEveryFileHasItsType(t *testing.T) {
	for address, want := range map[string]string{
		console.Path:                       "text/html; charset=utf-8",
		console.AssetsPath + "main.js":     "text/javascript; charset=utf-8",
		console.AssetsPath + "console.css": "text/css; charset=utf-8",
		console.AssetsPath + "icon.svg":    "image/svg+xml",
	} {
		if got := answer(t, http.MethodGet, address, nil).Header.Get("Content-Type"); got != want {
			t.Errorf("%s is %q, not %q", address, got, want)
		}
	}
}

func TestWhatTheBrowserHasIsNotSentAgain(t *testing.T) {
	tag := answer(t, http.MethodGet, console.Path, nil).Header.Get("ETag")
	if got := answer(t, http.MethodGet, console.Path, http.Header{"If-None-Match": {tag}}).StatusCode; got != http.StatusNotModified {
		t.Errorf("the page that the browser has is answered %d", got)
	}
	if got := answer(t, http.MethodGet, console.Path, http.Header{"If-None-Match": {`"older"`}}).StatusCode; got != http.StatusOK {
		t.Errorf("an older page is answered %d", got)
	}
}

func TestNothingElseIsServed(t *testing.T) {
	for _, path := range []string{"/index.html", "/console/", "/console/index.html", "/console/nothing.js", "/console", "/webhooks/revento"} {
		if got := answer(t, http.MethodGet, path, nil).StatusCode; got != http.StatusNotFound {
			t.Errorf("%s is answered %d", path, got)
		}
	}
	if got := answer(t, http.MethodPost, console.Path, nil).StatusCode; got != http.StatusMethodNotAllowed {
		t.Errorf("POST is answered %d", got)
	}
}

// These would not run under the policy, or would make markup of values.
func TestThePageMakesNoMarkupOfTextAndLoadsNothingFromElsewhere(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTML|\beval\b|new Function|` +
		`import\(|\son[a-z]+="|\sstyle="|<style|<script>|@import|url\("?http|(src|href)="(https?:)?//`)
	for _, address := range addresses(t) {
		if found := forbidden.FindString(body(t, address)); found != "" {
			t.Errorf("%s has %q", address, found)
		}
	}
}

func TestWhatThePageNamesIsThere(t *testing.T) {
	names := regexp.MustCompile(`(?:href|src)="(/console/[^"]+)"|from "\./([^"]+)"`)
	for _, address := range addresses(t) {
		for _, found := range names.FindAllStringSubmatch(body(t, address), -1) {
			if named := console.AssetsPath + strings.TrimPrefix(found[1], console.AssetsPath) + found[2]; body(t, named) == "" {
				t.Errorf("%s names %s, which is empty", address, named)
			}
		}
	}
}
