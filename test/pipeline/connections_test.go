//go:build emulators

package pipeline

import (
	"encoding/json"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/settings"
	"revento-alerts/test/emulators"
)

// connect has the functions of connections run beside a stack's others, and Revento where the stack's parameters say, or its providers are.
// Those of the others that have more to do with connections begin anew.
func (s *stack) connect() (web, tick, sync *function) {
	s.Helper()
	s.makeSecret("revento-client-secret", clientSecret)
	s.makeSecret("sealing-keys", strings.Repeat("k", 43))
	environment := map[string]string{
		"STACK": s.name, "ENVIRONMENT": "pipeline", "SLACK_CHANNEL": "C0PIPELINE",
		"REVENTO_CLIENT_ID": clientID, "REVENTO_AUTH_URL": s.providers, "REVENTO_API_URL": s.providers + "/api/v1",
		"REVENTO_CLIENT_SECRET_ID": s.name + "/revento-client-secret", "SEALING_KEYS_ID": s.name + "/sealing-keys",
	}
	s.tables["SEEDS_TABLE"] = emulators.Seeds(s.T)
	maps.Copy(s.urls, emulators.Queues(s.T, maxReceives, ofConnections()...))
	s.give(environment)
	for parameter, value := range s.parameters {
		environment[settings.Setting{Parameter: parameter}.Variable()] = value
	}
	s.ingest.restart(s.T, "REVENTO_CLIENT_ID="+clientID, "MIRROR_QUEUE_URL="+s.urls[queue.Mirror])
	s.purge.restart(s.T, "REVENTO_CLIENT_ID="+clientID, "SEEDS_TABLE="+s.tables["SEEDS_TABLE"])
	folder := built(s.T)
	s.mirror = startFunction(s.T, filepath.Join(folder, "mirror"), queue.Mirror.Entry().Timeout, environment)
	const tickTimeout, webTimeout = time.Minute, time.Minute
	return startFunction(s.T, filepath.Join(folder, "web"), webTimeout, environment),
		startFunction(s.T, filepath.Join(folder, "tick"), tickTimeout, environment),
		startFunction(s.T, filepath.Join(folder, "sync"), queue.Sync.Entry().Timeout, environment)
}

// ofConnections are the queues that only a stack with connections has.
func ofConnections() []queue.Name {
	return slices.DeleteFunc(slices.Clone(queue.Names), func(name queue.Name) bool { return !name.Entry().Asks })
}

// A page is shown where the stage tells where the pages are; who has no link gets no further, and a consent that nobody began neither.
func TestPagesOfAStack(t *testing.T) {
	web, _, _ := deploy(t).connect()
	for query, want := range map[string]int{
		consent.ConnectPath + "?event_id=evt_1":          http.StatusForbidden,
		consent.CallbackPath + "?state=forged&code=code": http.StatusBadRequest,
	} {
		path, parameters, _ := strings.Cut(query, "?")
		event := awslambda.GatewayEvent(http.MethodGet, path, nil, nil, "x", time.Now())
		event.RawQueryString, event.StageVariables = parameters, map[string]string{"public_url": "https://pipeline.execute-api.example"}
		answer, err := web.invoke(t, event)
		if err != nil {
			t.Fatal(err)
		}
		var response events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(answer, &response); err != nil || response.StatusCode != want {
			t.Errorf("%s is answered %s (%v), want %d\n%s", query, answer, err, want, web.log.String())
		}
		if !strings.HasPrefix(response.Headers["Content-Type"], "text/html") {
			t.Errorf("%s: %v is no page", query, response.Headers)
		}
	}
}

// A tick without a connection has one message sent, which tells that it came; the function sync takes it.
func TestATickOfAStack(t *testing.T) {
	s := deploy(t)
	_, tick, sync := s.connect()
	s.reach()
	if answer, err := tick.invoke(t, json.RawMessage(`{}`)); err != nil || strings.Contains(string(answer), "error") {
		t.Fatalf("answered %s: %v\n%s", answer, err, tick.log.String())
	}
	if _, done, ok := s.work(queue.Sync, sync); !done || !ok {
		t.Errorf("done %t, there %t\n%s", done, ok, sync.log.String())
	}
	if log := sync.log.await(`"told"`); !strings.Contains(log, `"told"`) {
		t.Errorf("nothing was told of:\n%s", log)
	}
}
