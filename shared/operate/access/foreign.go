package access

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"revento-alerts/shared/operate/api"
)

// local lets only this machine's own programs and pages through, also where they bring the token. A page of another site cannot
// make a browser ask for the operator's side, whatever name it gives this machine's address (DNS rebinding).
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reason := foreign(r); reason != "" {
			api.Refuse(w, http.StatusForbidden, reason)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// foreign says why a request is not from this machine's own programs and pages, or "".
func foreign(r *http.Request) string {
	switch {
	case !isLoopback(r.RemoteAddr):
		return "only this machine may ask for this: the webhook is all that others reach"
	case !isLoopback(r.Host) && hostname(r.Host) != "localhost":
		return "the Host header names another machine: ask for 127.0.0.1 or localhost"
	case r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "":
		return "the request was forwarded from another machine: the webhook is all that others reach"
	case r.Header.Get("Origin") != "" && r.Header.Get("Origin") != "http://"+r.Host:
		return "a page of another site may not ask for this"
	case !isOwnFetch(r.Header.Get("Sec-Fetch-Site")):
		return "a page of another site may not ask for this"
	}
	return ""
}

// isOwnFetch: "none" is what a person typed or chose from a bookmark; programs send nothing.
// https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
func isOwnFetch(site string) bool { return site == "" || site == "same-origin" || site == "none" }

func isLoopback(hostport string) bool {
	address, err := netip.ParseAddr(hostname(hostport))
	return err == nil && address.Unmap().IsLoopback()
}

// hostname is a host without port and brackets.
func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}
