package dynamodb

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/test/faultproxy"
)

var _ checkup.Tables = (*Tables)(nil)

// describing is a service that describes every table with a status.
func describing(status string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, fmt.Sprintf(`{"Table":{"TableName":"records","TableStatus":%q}}`, status))
	})
}

func TestATableCanBeUsedAlsoWhileItIsUpdated(t *testing.T) {
	for status, want := range map[string]bool{
		"ACTIVE": true, "UPDATING": true,
		"CREATING": false, "DELETING": false, "ARCHIVED": false, "INACCESSIBLE_ENCRYPTION_CREDENTIALS": false,
	} {
		config, _ := listening(t)
		config.BaseEndpoint = &faultproxy.Before(t, describing(status)).URL
		usable, got, err := NewTables(config).Describe(t.Context(), "records")
		if err != nil || got != status || usable != want {
			t.Errorf("Describe = %v, %q, %v; want %v, %q", usable, got, err, want, status)
		}
	}
}

func TestATableThatIsMissingIsNoError(t *testing.T) {
	config, _ := listening(t)
	proxy := faultproxy.Before(t, describing("ACTIVE"))
	config.BaseEndpoint = &proxy.URL
	proxy.Spoil(faultproxy.Refuse(400, "ResourceNotFoundException", "Requested resource not found"))
	usable, status, err := NewTables(config).Describe(t.Context(), "records")
	if usable || status != "" || err != nil {
		t.Errorf("Describe = %v, %q, %v", usable, status, err)
	}
}

func TestATableThatMayNotBeDescribedIsAnError(t *testing.T) {
	config, _ := listening(t)
	proxy := faultproxy.Before(t, describing("ACTIVE"))
	config.BaseEndpoint = &proxy.URL
	proxy.Spoil(faultproxy.Refuse(400, "AccessDeniedException", ""))
	_, _, err := NewTables(config).Describe(t.Context(), "records")
	if err == nil || fault.Of(err).Reason != "AccessDeniedException" {
		t.Errorf("the error is %v", err)
	}
}
