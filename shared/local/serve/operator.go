package serve

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/console"
)

// The limits of the operator's server. A browser sends there every cookie that any program on this machine's loopback has set, so
// its headers can be long. The API gives its calls a longer time of their own.
const (
	operatorHeaderBytes  = 64 << 10
	operatorHeaderTime   = 5 * time.Second
	operatorReadTimeout  = 10 * time.Second
	operatorWriteTimeout = 20 * time.Second
	operatorIdleTimeout  = time.Minute
)

// cancelGrace is how long before the end of a stop's grace the calls of the API are cancelled, so that they can say so.
const cancelGrace = time.Second

// operatorSide is the console and its API, on a listener of their own.
type operatorSide struct {
	server *http.Server
	cancel context.CancelFunc
}

// newOperatorSide serves the operator on a listener, to who has the token.
func newOperatorSide(listener net.Listener, token string, calls http.Handler, log *slog.Logger) *operatorSide {
	ctx, cancel := context.WithCancel(context.Background())
	return &operatorSide{cancel: cancel, server: &http.Server{
		Handler:           &door{token: token, cookie: cookieName(listener), inside: local(operatorPaths(calls))},
		BaseContext:       func(net.Listener) context.Context { return ctx },
		MaxHeaderBytes:    operatorHeaderBytes,
		ReadHeaderTimeout: operatorHeaderTime,
		ReadTimeout:       operatorReadTimeout,
		WriteTimeout:      operatorWriteTimeout,
		IdleTimeout:       operatorIdleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// Otherwise "OPTIONS *" is answered without asking the handler, and so without the token.
		DisableGeneralOptionsHandler: true,
	}}
}

// close takes no more calls, and returns once those at work have ended. They are cancelled shortly before a stop's grace is over.
func (s *operatorSide) close() error {
	defer s.cancel()
	defer time.AfterFunc(stopGrace-cancelGrace, s.cancel).Stop()
	return shut(s.server)
}

// operatorPaths are the API, the page and its files; all else is answered as the API answers it.
func operatorPaths(calls http.Handler) http.Handler {
	page := console.Handler()
	mux := http.NewServeMux()
	mux.Handle(api.Path, calls)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := page.Handler(r); pattern == "" {
			api.Refuse(w, http.StatusNotFound, api.Nothing)
			return
		}
		page.ServeHTTP(w, r)
	})
	return mux
}

// cookieName is a name of this listener's own: a browser does not keep the cookies of one host's ports apart.
// https://www.rfc-editor.org/rfc/rfc6265#section-8.5
func cookieName(listener net.Listener) string {
	return "revento-alerts-" + portOf(listener.Addr().String())
}

// tokenParameter is the parameter of the console's link that holds the token.
const tokenParameter = "token"

const noToken = "the operator's token is missing or wrong: open the link that 'revento-alerts serve' prints, or send what the file " +
	TokenFile + " in the data folder holds as 'Authorization: Bearer TOKEN'"

// door lets in who has the operator's token: whatever is asked for, files of the page and unknown paths too.
type door struct {
	token  string
	cookie string
	inside http.Handler
}

// ServeHTTP implements http.Handler.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == console.Path && r.URL.Query().Has(tokenParameter) {
		d.enter(w, r)
		return
	}
	if !d.has(r) {
		d.refuse(w)
		return
	}
	d.inside.ServeHTTP(w, r)
}

// enter makes the token of the console's link a cookie, and leads on to a page whose address no longer holds it.
func (d *door) enter(w http.ResponseWriter, r *http.Request) {
	if !d.is(r.URL.Query().Get(tokenParameter)) {
		d.refuse(w)
		return
	}
	local(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: d.cookie, Value: d.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		http.Redirect(w, r, console.Path, http.StatusSeeOther)
	})).ServeHTTP(w, r)
}

// has says whether a request brings the token: a header that has one is what counts, and a cookie where there is none.
func (d *door) has(r *http.Request) bool {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		return strings.EqualFold(scheme, "Bearer") && d.is(token)
	}
	for _, cookie := range r.CookiesNamed(d.cookie) {
		if d.is(cookie.Value) {
			return true
		}
	}
	return false
}

func (d *door) is(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(d.token)) == 1
}

func (d *door) refuse(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	w.Header().Set("Referrer-Policy", "no-referrer")
	api.Refuse(w, http.StatusUnauthorized, noToken)
}
