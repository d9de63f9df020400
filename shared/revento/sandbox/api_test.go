package sandbox_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sandbox"
)

// contract is what the guide says of each endpoint's reply, and nothing that is made up: the fields that it names.
var contract = map[string]struct {
	user   bool
	list   bool
	fields []string
}{
	theEvent: {fields: []string{"name", "start_date", "end_date", "publish_status"}},
	theEvent + "/participants": {list: true, fields: []string{
		"role", "application_status", "custom_form_fields", "last_reviewed_at", "last_reviewer_id", "last_review_action",
	}},
	theEvent + "/activities":         {list: true, fields: []string{"status", "min_age"}},
	theEvent + "/program":            {list: true},
	theEvent + "/threads":            {list: true},
	theEvent + "/locations":          {list: true},
	theEvent + "/registration-waves": {list: true},
	"/me/profile":                    {user: true, fields: []string{"display_name"}},
	"/me/application": {user: true, list: true, fields: []string{
		"id", "participant_id", "user_id", "status", "custom_form_fields",
	}},
}

func TestEachEndpointsReplyIsAsTheContractSays(t *testing.T) {
	for path, want := range contract {
		t.Run(path, func(t *testing.T) {
			w := newWorld(t)
			token := w.connect(makersCamp).AccessToken
			if want.user {
				token = w.signIn(makersCamp, person).AccessToken
			}
			a := w.get(token, path)
			row := a.json
			if want.list {
				if keys := slices.Sorted(maps.Keys(a.json)); !slices.Equal(keys, []string{"data", "has_more", "next_cursor"}) {
					t.Fatalf("%d: the list has %v", a.status, keys)
				}
				row = a.json["data"].([]any)[0].(map[string]any)
			}
			for _, field := range want.fields {
				if _, there := row[field]; !there {
					t.Errorf("there is no %s in %v", field, row)
				}
			}
			if a.header.Get(sandbox.RequestIDHeader) != "0e4c9a1e-6a51-4a1c-9f6e-2d5f0b0f8a11" {
				t.Errorf("request id %q", a.header.Get(sandbox.RequestIDHeader))
			}
			if a.header.Get("Date") != start.Format(http.TimeFormat) {
				t.Errorf("Date %q", a.header.Get("Date"))
			}
			wantTimesInUTC(t, row)
		})
	}
}

// Names of times end in _at, and they are ISO 8601 in UTC. (guide: /api/)
func wantTimesInUTC(t *testing.T, row map[string]any) {
	t.Helper()
	for name, value := range row {
		text, isText := value.(string)
		if !strings.HasSuffix(name, "_at") || !isText {
			continue
		}
		if _, err := time.Parse(time.RFC3339, text); err != nil || !strings.HasSuffix(text, "Z") {
			t.Errorf("%s is %q", name, text)
		}
	}
}

func TestTheSeededWorld(t *testing.T) {
	w := newWorld(t)
	organizations, users := map[any]bool{}, map[any]int{}
	for i := range 3 {
		path := "/events/evt_sandbox_" + strconv.Itoa(i+1)
		token := w.connect(path[len("/events/"):]).AccessToken
		event := w.get(token, path).json
		organizations[event["organization_id"]] = true
		if event["publish_status"] != "published" || event["start_date"].(string) <= start.Format(time.DateOnly) {
			t.Errorf("%v", event)
		}
		statuses := map[any]int{}
		rows := w.all(token, path+"/participants", 50)
		for _, row := range rows {
			statuses[row["application_status"]]++
			users[row["user_id"]]++
		}
		if len(rows) < 30 || statuses["pending"]*statuses["approved"]*statuses["rejected"]*statuses["revision_requested"] == 0 {
			t.Errorf("%s has %d participants: %v", path, len(rows), statuses)
		}
		w.wantProgram(token, path)
	}
	if len(organizations) != 2 {
		t.Errorf("organizations %v", organizations)
	}
	if users[person] != 3 {
		t.Errorf("%s is at %d events", person, users[person])
	}
}

// wantProgram: several days, 8 to 12 activities in each thread, and nothing that is not there. (guide: /sandbox/)
func (w *world) wantProgram(token, path string) {
	w.Helper()
	known, days, inThread := map[any]bool{}, map[string]bool{}, map[any]int{}
	for _, list := range []string{"/threads", "/locations", "/activities"} {
		for _, row := range w.all(token, path+list, 50) {
			known[row["id"]] = true
			if list == "/activities" {
				inThread[row["thread_id"]]++
			}
		}
	}
	for _, slot := range w.all(token, path+"/program", 50) {
		days[slot["starts_at"].(string)[:len(time.DateOnly)]] = true
		if !known[slot["activity_id"]] || !known[slot["thread_id"]] || !known[slot["location_id"]] {
			w.Errorf("%v is of something that is not there", slot)
		}
	}
	for thread, count := range inThread {
		if count < 8 || count > 12 {
			w.Errorf("%v has %d activities", thread, count)
		}
	}
	if len(days) < 3 {
		w.Errorf("%s has a program of %d days", path, len(days))
	}
}

// all reads a list to its end, a page after the other.
func (w *world) all(token, path string, limit int) (rows []map[string]any) {
	w.Helper()
	query := "?limit=" + strconv.Itoa(limit)
	for {
		a := w.get(token, path+query)
		if a.status != http.StatusOK {
			w.Fatalf("%s: %d %s", path+query, a.status, a.body)
		}
		for _, row := range a.json["data"].([]any) {
			rows = append(rows, row.(map[string]any))
		}
		if a.json["has_more"] == false {
			return rows
		}
		query = "?limit=" + strconv.Itoa(limit) + "&cursor=" + a.json["next_cursor"].(string)
	}
}

func TestPages(t *testing.T) {
	w := newWorld(t, func(o *sandbox.Options) { o.Participants = 60 })
	token := w.connect(makersCamp).AccessToken
	path := theEvent + "/participants"
	tests := map[string]struct {
		rows int
		more bool
	}{"": {25, true}, "?limit=1": {1, true}, "?limit=50": {50, true}}
	for query, want := range tests {
		a := w.get(token, path+query)
		rows, more := len(a.json["data"].([]any)), a.json["has_more"]
		if rows != want.rows || more != want.more || (a.json["next_cursor"] != nil) != want.more {
			t.Errorf("%q: %d rows, more %v, cursor %v", query, rows, more, a.json["next_cursor"])
		}
	}
	all := w.all(token, path, 25)
	ids := map[any]bool{}
	for _, row := range all {
		ids[row["id"]] = true
	}
	if len(all) != 60 || len(ids) != 60 {
		t.Errorf("%d rows, %d ids", len(all), len(ids))
	}
	cursor := w.get(token, path).json["next_cursor"].(string)
	for _, query := range []string{"?limit=0", "?limit=51", "?limit=x", "?cursor=made-up", "?cursor=" + cursor + "x"} {
		w.wantCode(w.get(token, path+query), 400, "invalid_request")
	}
	w.wantCode(w.get(token, theEvent+"/activities?cursor="+cursor), 400, "invalid_request")
	w.ok(w.SetRule("page_over_max_is_cut", "true"))
	if got := len(w.get(token, path+"?limit=51").json["data"].([]any)); got != 50 {
		t.Errorf("a limit of 51 gives %d rows", got)
	}
}

func TestWhoMayReadWhat(t *testing.T) {
	w := newWorld(t)
	installation, narrow, user := w.connect(makersCamp), w.connect(makersCamp, "event.read"), w.signIn(makersCamp, person)
	tests := map[string]struct {
		token, path string
		status      int
		code        string
	}{
		"no token":                          {"", theEvent, 401, "invalid_token"},
		"an unknown token":                  {"rev_install_wrong", theEvent, 401, "invalid_token"},
		"a user's at an event":              {user.AccessToken, theEvent, 403, "installation_token_required"},
		"an installation's at /me":          {installation.AccessToken, "/me/profile", 403, "user_token_required"},
		"another event":                     {installation.AccessToken, "/events/" + games, 403, "event_not_authorized"},
		"an event that is not there":        {installation.AccessToken, "/events/evt_other", 403, "event_not_authorized"},
		"without participants.read":         {narrow.AccessToken, theEvent + "/participants", 403, "insufficient_scope"},
		"without program.read":              {narrow.AccessToken, theEvent + "/program", 403, "insufficient_scope"},
		"an endpoint that nobody has named": {installation.AccessToken, theEvent + "/secrets", 404, "not_found"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { w.wantCode(w.get(test.token, test.path), test.status, test.code) })
	}
	if got := w.get(narrow.AccessToken, theEvent).status; got != http.StatusOK {
		t.Errorf("with event.read: %d", got)
	}
}

func TestTheFormOfACall(t *testing.T) {
	w := newWorld(t)
	token := w.connect(makersCamp).AccessToken
	tests := map[string]struct {
		change func(*http.Request)
		status int
		code   string
	}{
		"POST":            {func(r *http.Request) { r.Method = http.MethodPost }, 405, "method_not_allowed"},
		"no version":      {func(r *http.Request) { r.Header.Del("Accept") }, 406, "unsupported_version"},
		"another version": {func(r *http.Request) { r.Header.Set("Accept", "application/vnd.revento.v2+json") }, 406, "unsupported_version"},
		"no request id":   {func(r *http.Request) { r.Header.Del(sandbox.RequestIDHeader) }, 400, "invalid_request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := w.apiRequest(token, theEvent)
			test.change(r)
			w.wantCode(w.must(r), test.status, test.code)
		})
	}
	w.ok(w.SetRule("version_required", "false"))
	w.ok(w.SetRule("request_id_required", "false"))
	r := w.apiRequest(token, theEvent)
	r.Header.Del("Accept")
	r.Header.Del(sandbox.RequestIDHeader)
	if a := w.must(r); a.status != http.StatusOK || a.header.Get(sandbox.RequestIDHeader) == "" {
		t.Errorf("where neither is needed: %d", a.status)
	}
	w.wantCode(w.must(func() *http.Request {
		r := w.apiRequest(token, theEvent)
		r.Header.Set("Accept", "application/vnd.revento.v2+json")
		return r
	}()), 406, "unsupported_version")
}

func TestWhatTheGuideLeavesOpenOfRows(t *testing.T) {
	w := newWorld(t)
	installation, user := w.connect(makersCamp).AccessToken, w.signIn(makersCamp, person)
	has := func(name string) bool {
		event, profile := w.get(installation, theEvent).json, w.get(user.AccessToken, "/me/profile").json
		application := w.get(user.AccessToken, "/me/application").json["data"].([]any)[0].(map[string]any)
		row := w.get(installation, theEvent+"/participants").json["data"].([]any)[0].(map[string]any)
		_, found := map[string]map[string]any{
			"event_has_title": {}, "profile_names_user": profile, "application_names_user": application, "rows_name_application": row,
		}[name][map[string]string{
			"profile_names_user": "user_id", "application_names_user": "user_id", "rows_name_application": "application_id",
		}[name]]
		if name == "event_has_title" {
			_, found = event["title"]
			if _, both := event["name"]; both == found {
				t.Errorf("%v", event)
			}
		}
		return found
	}
	for _, name := range []string{"event_has_title", "profile_names_user", "application_names_user", "rows_name_application"} {
		for _, on := range []bool{true, false} {
			w.ok(w.SetRule(name, strconv.FormatBool(on)))
			if has(name) != on {
				t.Errorf("%s %v: the row has it: %v", name, on, !on)
			}
		}
		w.MoveClock(time.Minute)
	}
	w.ok(w.SetRule("token_names_user", "true"))
	if got := w.refreshed(user.RefreshToken).UserID; got != person {
		t.Errorf("the token names %q", got)
	}
}

// limitsOf are the numbers of the guide (/rate-limits/), written out once more.
func TestCallsAreLimitedByTheMinuteAndByTheHour(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		for _, kind := range []struct {
			name             string
			minutely, hourly int
			path             string
			token            func(*world) string
		}{
			{"installation", 30, 500, theEvent, func(w *world) string { return w.connect(makersCamp).AccessToken }},
			{"user", 20, 200, "/me/profile", func(w *world) string { return w.signIn(makersCamp, person).AccessToken }},
		} {
			t.Run(kind.name+" fixed "+strconv.FormatBool(fixed), func(t *testing.T) {
				w := newWorld(t)
				w.SetRules(func(r *sandbox.Rules) { r.FixedWindows = fixed })
				token := kind.token(w)
				taken := 0
				for minute := 0; taken < kind.hourly; minute++ {
					for range min(kind.minutely, kind.hourly-taken) {
						a := w.get(token, kind.path)
						if a.status != http.StatusOK {
							t.Fatalf("call %d: %d %v", taken, a.status, a.header)
						}
						taken++
					}
					if taken == kind.minutely {
						w.wantThrottled(w.get(token, kind.path), "60", kind.minutely)
					}
					if taken < kind.hourly {
						w.clock.advance(time.Minute)
					}
				}
				w.clock.advance(time.Minute)
				gone := w.clock.Now().Sub(start)
				w.wantThrottled(w.get(token, kind.path), strconv.Itoa(int((time.Hour - gone).Seconds())), kind.hourly)
				w.clock.now = start.Add(time.Hour)
				if got := w.get(token, kind.path).status; got != http.StatusUnauthorized { // the token's own hour
					t.Errorf("after an hour: %d", got)
				}
			})
		}
	}
}

func (w *world) wantThrottled(a answer, wait string, limit int) {
	w.Helper()
	w.wantCode(a, http.StatusTooManyRequests, "rate_limit_exceeded")
	reset, err := strconv.ParseInt(a.header.Get("X-RateLimit-Reset"), 10, 64)
	if a.header.Get("Retry-After") != wait || a.header.Get("X-RateLimit-Limit") != strconv.Itoa(limit) ||
		a.header.Get("X-RateLimit-Remaining") != "0" || err != nil || reset <= w.clock.Now().Unix() {
		w.Errorf("headers %v, want to wait %s, limit %d", a.header, wait, limit)
	}
}

func TestARefreshBringsNoNewBudgetUnlessTheRuleSaysSo(t *testing.T) {
	for _, each := range []bool{false, true} {
		w := newWorld(t)
		w.SetRules(func(r *sandbox.Rules) { r.LimitsEachAccessToken = each })
		tokens, other := w.connect(makersCamp), w.connect(makersCamp)
		for range 30 {
			w.get(tokens.AccessToken, theEvent)
		}
		tokens = w.refreshed(tokens.RefreshToken)
		if got := w.get(tokens.AccessToken, theEvent).status; (got == http.StatusOK) != each {
			t.Errorf("each %v: %d", each, got)
		}
		if got := w.get(other.AccessToken, theEvent).status; got != http.StatusOK {
			t.Errorf("another grant's token: %d", got)
		}
	}
}

func TestRollingWindowsRollAndFixedOnesEndAtOnce(t *testing.T) {
	for fixed, want := range map[bool]int{false: 1, true: 30} {
		w := newWorld(t)
		w.SetRules(func(r *sandbox.Rules) { r.FixedWindows = fixed })
		token := w.connect(makersCamp).AccessToken
		for range 30 {
			w.get(token, theEvent)
			w.clock.advance(time.Second)
		}
		w.clock.advance(30 * time.Second)
		free := 0
		for free <= revento.InstallationPerMinute && w.get(token, theEvent).status == http.StatusOK {
			free++
		}
		if free != want {
			t.Errorf("fixed %v: after a minute %d calls are free, want %d", fixed, free, want)
		}
	}
}

func TestFiveCallsAreInFlightAtTheMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := sandbox.New(sandbox.Options{Clients: []sandbox.Client{theClient()}})
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := s.Connect(clientID, makersCamp)
		if err != nil {
			t.Fatal(err)
		}
		provider := s.Provider()
		call := func() *httptest.ResponseRecorder {
			w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, sandbox.APIPath+theEvent, nil)
			r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
			r.Header.Set("Accept", sandbox.Version)
			r.Header.Set(sandbox.RequestIDHeader, "one")
			provider.ServeHTTP(w, r)
			return w
		}
		release := s.Hold()
		answers := make(chan int, revento.InFlight)
		for range revento.InFlight {
			go func() { answers <- call().Code }()
		}
		synctest.Wait()
		refused := call()
		if refused.Code != http.StatusTooManyRequests || !strings.Contains(refused.Body.String(), `"concurrent_limit_exceeded"`) ||
			refused.Header().Get("Retry-After") != "" {
			t.Errorf("%d %v %s", refused.Code, refused.Header(), refused.Body)
		}
		release()
		for range revento.InFlight {
			if got := <-answers; got != http.StatusOK {
				t.Errorf("one that was in flight: %d", got)
			}
		}
		if got := call().Code; got != http.StatusOK {
			t.Errorf("afterwards: %d", got)
		}
	})
}

func TestCallsAreNotedWithoutTokens(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	w.get(tokens.AccessToken, theEvent+"/participants?limit=1")
	w.get(tokens.RefreshToken, theEvent)
	w.refreshed(tokens.RefreshToken)
	w.refresh(tokens.RefreshToken)
	id := "0e4c9a1e-6a51-4a1c-9f6e-2d5f0b0f8a11"
	calls := w.Calls()
	for i := range calls {
		if i > 1 {
			calls[i].RequestID = ""
		}
	}
	want := []sandbox.Call{
		{At: start, Place: "participants", EventID: makersCamp, Query: "limit=1", Status: 200, RequestID: id},
		{At: start, Place: "event", EventID: makersCamp, Status: 401, Code: "invalid_token", RequestID: id},
		{At: start, Place: "token", EventID: makersCamp, Status: 200},
		{At: start, Place: "token", EventID: makersCamp, Status: 400, Code: "invalid_grant"},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(w.Calls())
	if err != nil || strings.Contains(string(text), tokens.AccessToken) || strings.Contains(string(text), tokens.RefreshToken) {
		t.Errorf("a token is in %s", text)
	}
}

func TestNoReplyOfTheAPIIsFoundInACache(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	for _, a := range []answer{w.get(tokens.AccessToken, theEvent), w.refresh(tokens.RefreshToken)} {
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", a.header)
		}
	}
}
