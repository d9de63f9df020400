package web

import (
	"net"
	"net/http"
	"strings"

	"revento-alerts/shared/connection/consent"
)

// elsewhere is where a page is to be asked for instead, if it is asked for under another loopback name than the public URL's: a browser
// keeps the cookies of localhost and of 127.0.0.1 apart, and Revento sends it back to the public URL. Where the public URL is no
// loopback address, Host decides nothing: a proxy may have changed it, and a stranger may have made it up.
func elsewhere(public consent.PublicURL, r *http.Request) (address string, isElsewhere bool) {
	host := hostname(r.Host)
	if public.IsSecure() || !consent.IsLoopback(host) || strings.EqualFold(host, public.Hostname()) {
		return "", false
	}
	address = public.String() + r.URL.EscapedPath() // a path that is known
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	return address, true
}

// hostname is a host without port and brackets.
func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}
