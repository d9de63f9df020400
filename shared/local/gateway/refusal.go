package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/aws/awslambda"
)

// ownStatuses are those of what is refused before there is a request. What else net/http refuses is malformed.
var ownStatuses = map[int]ingest.Status{
	http.StatusRequestTimeout:              ingest.TimedOut,
	http.StatusRequestHeaderFieldsTooLarge: ingest.HeadersTooLarge,
	http.StatusServiceUnavailable:          ingest.Busy,
}

// refuseUnread tells of what is refused before there is a request, and returns the whole answer.
func (g *Gateway) refuseUnread(from net.Addr, code int, reason string) []byte {
	status, known := ownStatuses[code]
	if !known {
		status = ingest.Malformed
	}
	var event awslambda.Request
	event.RequestContext.HTTP.SourceIP = sender(from.String(), "")
	response := g.webhook.Refuse(context.Background(), event, status, reason)
	var head strings.Builder
	for name, value := range response.Headers {
		fmt.Fprintf(&head, "%s: %s\r\n", name, value)
	}
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		code, http.StatusText(code), head.String(), len(response.Body), response.Body)
}

// sender is the address that a request came from, "" where it is not known: the one that a reverse proxy on this machine names,
// or the connection's.
func sender(remote, forwardedFor string) string {
	from, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	nearest := forwardedFor[strings.LastIndex(forwardedFor, ",")+1:]
	if named, err := netip.ParseAddr(strings.TrimSpace(nearest)); err == nil && from.Addr().Unmap().IsLoopback() {
		return named.String()
	}
	return from.Addr().Unmap().String()
}
