package access

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOnlyThisMachinesOwnProgramsAndPagesAreLetThrough(t *testing.T) {
	tests := []struct {
		name   string
		change func(*http.Request)
		want   int
	}{
		{"a program", func(*http.Request) {}, http.StatusOK},
		{"our own page", func(r *http.Request) {
			r.Header.Set("Origin", "http://127.0.0.1:3000")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}, http.StatusOK},
		{"an address that a person typed", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") }, http.StatusOK},
		{"under the name localhost", func(r *http.Request) { r.Host = "localhost:3000" }, http.StatusOK},
		{"over IPv6", func(r *http.Request) { r.Host, r.RemoteAddr = "[::1]:3000", "[::1]:4711" }, http.StatusOK},
		{"without a port", func(r *http.Request) { r.Host = "127.0.0.1" }, http.StatusOK},
		{"another machine", func(r *http.Request) { r.RemoteAddr = "192.0.2.1:4711" }, http.StatusForbidden},
		{"another site's name for this machine", func(r *http.Request) { r.Host = "evil.example:3000" }, http.StatusForbidden},
		{"a name that only begins like localhost", func(r *http.Request) { r.Host = "localhost.evil.example:3000" }, http.StatusForbidden},
		{"no Host at all", func(r *http.Request) { r.Host = "" }, http.StatusForbidden},
		{"through a proxy on this machine", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "192.0.2.1") }, http.StatusForbidden},
		{"another site's page", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		{"a sandboxed page", func(r *http.Request) { r.Header.Set("Origin", "null") }, http.StatusForbidden},
		{"a page on another port", func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:8080") }, http.StatusForbidden},
		{"an image in another site's page", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		{"a page of another port, without Origin", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
	}
	guarded := local(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:3000/api/deletions", nil)
			request.RemoteAddr = "127.0.0.1:4711"
			test.change(request)
			answer := httptest.NewRecorder()
			guarded.ServeHTTP(answer, request)
			if answer.Code != test.want {
				t.Errorf("answered %d, want %d: %s", answer.Code, test.want, answer.Body)
			}
		})
	}
}
