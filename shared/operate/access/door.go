package access

import (
	"crypto/subtle"
	"net/http"
	"strings"

	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/console"
)

// Guard lets in who has the operator's token, from this machine's own programs and pages. port is the listener's: the cookie's name
// is the listener's own, since a browser does not keep the cookies of one host's ports apart.
// https://www.rfc-editor.org/rfc/rfc6265#section-8.5
func Guard(token, port string, inside http.Handler) http.Handler {
	return &door{token: token, cookie: "revento-alerts-" + port, inside: local(inside)}
}

// Link is the console's address with the token, which becomes a cookie when a browser opens it.
func Link(console, token string) string { return console + "?" + tokenParameter + "=" + token }

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
