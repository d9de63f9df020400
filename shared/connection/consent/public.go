package consent

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// The pages' paths.
const (
	ConnectPath  = "/connect"
	CallbackPath = "/oauth/callback"
)

// The parameters of ConnectPath.
const (
	EventParameter = "event_id"
	LinkParameter  = "link"
)

// PublicURL is where browsers find the pages: all links, and the redirect URI, are made of it and of nothing that a browser sends.
type PublicURL struct{ origin url.URL }

var errPublicURL = errors.New("write https and a host, or http and a loopback host, without a path: https://alerts.example.com")

// ParsePublicURL reads a public URL: https, or http on a loopback host, and no path. A slash at its end is dropped. The error names the
// form, and nothing of the text.
func ParsePublicURL(text string) (PublicURL, error) {
	parsed, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || parsed.Hostname() == "" {
		return PublicURL{}, errPublicURL
	}
	// The browser names the host in lower case, and leaves out the port that the scheme has anyway.
	origin := url.URL{Scheme: parsed.Scheme, Host: strings.ToLower(parsed.Host)}
	if *parsed != (url.URL{Scheme: parsed.Scheme, Host: parsed.Host}) {
		return PublicURL{}, errPublicURL
	}
	switch origin.Scheme {
	case "https":
		origin.Host = strings.TrimSuffix(origin.Host, ":443")
	case "http":
		if !IsLoopback(origin.Hostname()) {
			return PublicURL{}, errPublicURL
		}
		origin.Host = strings.TrimSuffix(origin.Host, ":80")
	default:
		return PublicURL{}, errPublicURL
	}
	return PublicURL{origin}, nil
}

// IsLoopback says whether a host's name or address, without a port, is this machine itself.
func IsLoopback(host string) bool {
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}

// String is the URL without a path or a slash at its end.
func (u PublicURL) String() string { return u.origin.String() }

// IsSet says whether it is one: the zero value is none.
func (u PublicURL) IsSet() bool { return u.origin.Host != "" }

// Hostname is the host, without its port.
func (u PublicURL) Hostname() string { return u.origin.Hostname() }

// IsSecure says whether it is https; otherwise it is loopback.
func (u PublicURL) IsSecure() bool { return u.origin.Scheme == "https" }

// RedirectURI is what Revento knows, and compares byte for byte. (guide: /oauth/organizer-connect/)
func (u PublicURL) RedirectURI() string { return u.String() + CallbackPath }

// ConnectURL is where an organizer begins to connect an event; link is "" where anybody may.
func (u PublicURL) ConnectURL(eventID, link string) string {
	query := url.Values{EventParameter: {eventID}}
	if link != "" {
		query.Set(LinkParameter, link)
	}
	return u.String() + ConnectPath + "?" + query.Encode()
}
