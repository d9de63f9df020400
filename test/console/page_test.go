//go:build browser

// Package console_test looks at the operator's page in a real browser, Debian's chromium: test/console/run installs it.
package console_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// show opens a stage's page and waits until it shows everything.
func show(t *testing.T, folder string) (*stage, *browser) {
	t.Helper()
	stage, page := newStage(t, folder), newBrowser(t)
	page.look(1440, "light")
	page.open(stage.server.URL)
	page.waitForText("#routes", "manifest")
	return stage, page
}

func wantNoComplaints(t *testing.T, page *browser) {
	t.Helper()
	if complaints := page.complaints(); len(complaints) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(complaints, "\n"))
	}
}

func TestEachSectionShowsItsFacts(t *testing.T) {
	_, page := show(t, usual)
	for selector, texts := range map[string][]string{
		".top":        {"production", "stack local", "http://127.0.0.1:3000/webhooks/revento", "Live"},
		"#warnings":   {"SIGNATURE_TOLERANCE is 600s"},
		"#queues":     {"PagerDuty\nwaiting\n0\nin work\n0\ndead\n1"},
		"#deliveries": {"application.revision_requested", "PagerDuty sent", "Slack C0SAMPLE01 retrying", "ignored by its route"},
		"#slack":      {"# C0SAMPLE01", "[production] Integration suspended", "Possibly repeated:", "1 reply", "(edited)", "Open in Revento"},
		"#pagerduty":  {"Triggered", "one page, 2 triggers", "Resolved", "[production] Resolved: Application approved"},
		"#connections": {"Summer Conference 2026", "212 registered, 38 pending, 3 cancelled", "healthy", "error", "revoked", "not looked at yet",
			"ended"},
		"nav":           {"Connections 2"},
		"#dead-letters": {"event.unpublished", "channel_not_found", "C0RETIRED1", "1 more is being looked at"},
		"#deletions":    {"held", "waits for a person", "scheduled", "finished"},
		"#refused":      {"2 requests", "401 stale", "refused-1", "signed 1h0m1s before now", "from 203.0.113.9", "404 not found"},
		"#routes":       {"pagerduty:error,slack", "APPLICATION_APPROVED_ROUTE", "changed", `"application.approved"`},
		"#samples":      {"data.deletion_required", "Nothing leaves this machine"},
	} {
		for _, text := range texts {
			if shown := page.text(selector); !strings.Contains(shown, text) {
				t.Errorf("%s does not show %q, but\n%s", selector, text, shown)
			}
		}
	}
	wantNoComplaints(t, page)
}

func TestADeliveryTellsItsStory(t *testing.T) {
	_, page := show(t, usual)
	page.click("#deliveries summary")
	for _, text := range []string{"Slack did not take it", "429 ratelimited", "possibly repeated", "number 1",
		"Another event came under this delivery id", "event.unpublished", "its route was off"} {
		page.waitForText("#deliveries details[open]", text)
	}
	wantNoComplaints(t, page)
}

func TestOlderDeliveriesComeWhenAskedFor(t *testing.T) {
	_, page := show(t, usual)
	page.click(`button[data-do="older"]`)
	page.waitForText("#deliveries", "older-1")
	page.waitFor("the end of the list", `!document.querySelector('button[data-do="older"]')`)
	if shown := page.text("#deliveries"); !strings.Contains(shown, "integration.suspended") {
		t.Errorf("the newest deliveries are gone:\n%s", shown)
	}
	wantNoComplaints(t, page)
}

func TestWhatLeavesTheNewestPageStaysAmongTheOlder(t *testing.T) {
	stage, page := show(t, usual)
	page.click(`button[data-do="older"]`)
	page.waitForText("#deliveries", "older-1")
	stage.change(func() {
		page := stage.answers["deliveries"]["deliveries"].([]any)
		delivery := object{"delivery_id": "new-1", "type": "event.unpublished", "received_at": "2026-11-24T04:40:00Z", "state": "claimed"}
		stage.answers["deliveries"]["deliveries"] = slices.Insert(page[:len(page)-1], 0, any(delivery))
	})
	page.waitForText("#deliveries", "new-1")
	page.waitFor("all of them", "document.querySelectorAll('#deliveries li').length >= 8")
	page.waitForText("#deliveries", "participant.registered")
}

func TestDeadLettersAreLookedAtAnewWhenTheirNumberChangesOrSomeWereOutOfSight(t *testing.T) {
	for name, test := range map[string]struct{ hidden, dead int }{
		"their number changes": {hidden: 0, dead: 3}, "one was out of sight": {hidden: 1, dead: 2},
	} {
		t.Run(name, func(t *testing.T) {
			stage, page := newStage(t, usual), newBrowser(t)
			stage.answers["dead-letters"]["hidden"] = test.hidden
			page.open(stage.server.URL)
			page.waitForText("#dead-letters", "channel_not_found")
			stage.change(func() {
				letters := stage.answers["dead-letters"]["letters"].([]any)
				letter := object{"id": "d1b2c3d4e5", "queue": "slack", "reason": "not_in_channel", "sent_at": "2026-11-24T04:00:00Z"}
				stage.answers["dead-letters"]["letters"] = slices.Insert(letters, 0, any(letter))
				stage.answers["overview"]["queues"].([]any)[0].(object)["dead"] = test.dead
			})
			page.waitForText("#dead-letters", "not_in_channel")
			page.waitForText("nav", "Dead letters 4")
		})
	}
}

func TestThePageUpdatesItselfAndLeavesTheReaderWhereTheyAre(t *testing.T) {
	stage, page := show(t, usual)
	page.click("#deliveries summary")
	page.waitForText("#deliveries details[open]", "Step by step")
	page.run("document.querySelector('#deliveries-view').scrollTop = 100; document.querySelector('#routes button').focus()", nil)
	stage.change(func() {
		delivery := object{"delivery_id": "new-1", "type": "event.unpublished", "received_at": "2026-11-24T04:40:00Z", "state": "claimed"}
		stage.answers["deliveries"]["deliveries"] = slices.Insert(stage.answers["deliveries"]["deliveries"].([]any), 0, any(delivery))
	})
	page.waitForText("#deliveries", "new-1")
	page.waitFor("the word for those who do not see", "document.querySelector('#news').textContent === 'New delivery: event.unpublished'")
	page.waitFor("the story still open", "document.querySelectorAll('#deliveries details[open]').length === 1 && "+
		"document.querySelector('#deliveries details[open]').dataset.subject.startsWith('7c1f2b7e')")
	page.waitFor("the place in the list", "document.querySelector('#deliveries-view').scrollTop >= 100")
	page.waitFor("the focus", "document.activeElement === document.querySelector('#routes button')")
}

func TestAConnectionIsLookedAtNow(t *testing.T) {
	stage, page := show(t, usual)
	page.click(`#connections li[data-key="c0ffee0000000001"] summary`)
	for _, text := range []string{"2026-12-04 to 2026-12-06", "250 participants", "Missing once", "Newest activity", "Looked at next"} {
		page.waitForText("#connections details[open]", text)
	}
	page.click(`button[data-do="probe"][data-subject="evt_sample_1"]`)
	page.waitFor("the new time", `document.querySelector('#connections time[datetime="2026-11-24T04:41:00.000Z"]')`)
	wantPosted(t, stage, "connections/evt_sample_1/probe")
	page.click(`#connections li[data-key="c0ffee0000000003"] summary`)
	page.waitForText("#connections", "its organizer has to connect the event anew")
	wantNoComplaints(t, page)
}

func TestALetterIsRedriven(t *testing.T) {
	stage, page := show(t, usual)
	page.click(`button[data-do="redrive"][data-subject="a1b2c3d4e5"]`)
	page.waitForText("#dead-letters .outcome", "redriven event.unpublished")
	page.waitFor("the letter to go", `!document.querySelector('[data-key="a1b2c3d4e5"]')`)
	page.waitForText("nav", "Dead letters 2")
	page.click(`button[data-do="dismiss"]`)
	page.waitFor("the outcome to go", "!document.querySelector('#dead-letters .outcome')")
	wantPosted(t, stage, "dead-letters/redrive")
	wantNoComplaints(t, page)
}

func TestALetterIsDroppedOnlyAfterAQuestion(t *testing.T) {
	stage, page := show(t, usual)
	page.click(`button[data-do="drop"][data-subject="a1b2c3d4e5"]`)
	page.waitForText("#ask", "Letter a1b2c3d4e5 is deleted for good")
	page.click("#ask-cancel")
	page.waitFor("the dialog to close", "!document.querySelector('#ask').open")
	wantPosted(t, stage)
	page.click(`button[data-do="drop"][data-subject="a1b2c3d4e5"]`)
	page.click("#ask-confirm")
	page.waitForText("#dead-letters .outcome", "dropped event.unpublished")
	wantPosted(t, stage, "dead-letters/drop")
	wantNoComplaints(t, page)
}

func TestAHeldDeletionIsClosedWithANote(t *testing.T) {
	stage, page := show(t, usual)
	page.click(`details[data-subject="f00d000000000001"] summary`)
	page.waitForText("#deletions details[open]", "Statement of the deletion f00d000000000001")
	page.click(`button[data-do="close"]`)
	page.waitForText("#ask", "recorded as done by a person")
	page.click("#ask-confirm")
	page.waitFor("the dialog to ask for the note", `document.querySelector("#ask textarea").getAttribute("aria-invalid") === "true"`)
	page.keys("asked Revento: a test of theirs")
	page.click("#ask-confirm")
	page.waitForText("#deletions details[open]", "asked Revento: a test of theirs")
	page.waitForText("#deletions", "closed")
	wantPosted(t, stage, "deletions/f00d000000000001/close")
	wantNoComplaints(t, page)
}

func TestWhatIsRefusedIsSaid(t *testing.T) {
	stage, page := show(t, usual)
	page.click(`details[data-subject="f00d000000000002"] summary`)
	page.click(`button[data-do="delete-now"]`)
	page.waitForText("#ask", "cannot be brought back")
	page.click("#ask-confirm")
	page.waitForText("#ask", "not in this state: it is past that")
	wantPosted(t, stage, "deletions/f00d000000000002/now")
}

func wantPosted(t *testing.T, stage *stage, paths ...string) {
	t.Helper()
	stage.mu.Lock()
	defer stage.mu.Unlock()
	if diff := cmp.Diff(paths, stage.posted); diff != "" {
		t.Errorf("what the page asked for differs:\n%s", diff)
	}
}

func TestASampleIsSentForRealOnlyAfterAQuestion(t *testing.T) {
	stage, page := show(t, usual)
	const button = `button[data-subject="application.approved"]`
	page.click(button)
	page.waitForText("#samples", "application.approved: answered 200 accepted")
	stage.change(func() { stage.answers["overview"]["records_slack"] = false })
	page.waitForText("#samples", "Slack will get it for real")
	page.waitForText("#slack", "Slack gets the alerts for real")
	page.click(button)
	page.waitForText("#ask", "may page somebody")
	page.click("#ask-cancel")
	wantPosted(t, stage, "samples/application.approved")
	wantNoComplaints(t, page)
}

func TestWhatFailsIsSaidAndWhatIsKnownStays(t *testing.T) {
	stage, page := show(t, usual)
	stage.change(func() { stage.down = true })
	page.waitForText("#dead-letters", "This could not be read: storage does not answer")
	page.waitForText("#dead-letters", "channel_not_found")
	stage.change(func() { stage.down = false })
	page.waitFor("the failure to go", "!document.querySelector('.failure')")
	stage.server.Close()
	page.waitForText("#pulse", "serve does not answer")
	page.waitForText("#deliveries", "integration.suspended")
}

func TestEmptySectionsSayWhatToDo(t *testing.T) {
	stage := newStage(t, usual)
	stage.answers["deliveries"] = object{"deliveries": []any{}, "next": ""}
	stage.answers["dead-letters"] = object{"letters": nil, "hidden": 0, "total": 0, "whole": true}
	stage.answers["deletions"] = object{"deletions": []any{}}
	stage.answers["slack"] = object{"channels": []any{}}
	stage.answers["connections"] = object{"on": true, "connections": []any{}}
	stage.answers["pagerduty"] = object{"incidents": []any{}}
	page := newBrowser(t)
	page.open(stage.server.URL)
	page.waitForText("#deliveries", "Send a sample")
	page.waitForText("#dead-letters", "Nothing has been given up on")
	page.waitForText("#deletions", "Revento asks with data.deletion_required")
	page.waitForText("#slack", "Try the sample")
	page.waitForText("#connections", "revento-alerts connections link EVENT")
	stage.change(func() { stage.answers["connections"]["on"] = false })
	page.waitForText("#connections", "Connections are off")
	page.waitForText("#pagerduty", "Nobody has been paged")
	wantNoComplaints(t, page)
}

func TestHostileValuesStayText(t *testing.T) {
	_, page := show(t, hostile)
	page.click("#deliveries summary")
	page.waitForText("#deliveries details[open]", "<script>window.ran=1</script>")
	for _, section := range []string{"#deliveries", "#slack", "#pagerduty", "#connections", "#dead-letters", "#deletions"} {
		page.waitForText(section, `<script>window.ran=1</script>"'><img src=x onerror="window.ran=1">`)
	}
	page.run("document.querySelectorAll('details').forEach((it) => { it.open = true; })", nil)
	page.run("document.querySelectorAll('a').forEach((it) => { if (!it.protocol.startsWith('http')) window.ran = it.href; })", nil)
	var ran any
	if page.run("return window.ran ?? null", &ran); ran != nil {
		t.Errorf("a script ran, or a link would run one: %v", ran)
	}
	var made int
	if page.run("return document.querySelectorAll('main script, main img, main [onerror], main [onmouseover]').length", &made); made > 0 {
		t.Errorf("%d elements were made of values", made)
	}
	wantNoComplaints(t, page)
}

func TestThePageFitsEveryWidth(t *testing.T) {
	for _, folder := range []string{usual, hostile} {
		stage, page := newStage(t, folder), newBrowser(t)
		for _, width := range []int{320, 390, 768, 1000, 1440, 2560} {
			page.look(width, "light")
			page.open(stage.server.URL)
			page.waitForText("#routes", "manifest")
			page.click("#deliveries summary")
			page.waitForText("#deliveries details[open]", "Step by step")
			page.run("document.querySelectorAll('details').forEach((it) => { it.open = true; })", nil)
			var over []string
			page.run(`const edge = document.documentElement.clientWidth;
				if (document.documentElement.scrollWidth <= edge) return [];
				return [...document.querySelectorAll("body *")].filter((it) => it.getBoundingClientRect().right > edge + 1).map((it) => it.outerHTML.slice(0, 120))`, &over)
			if len(over) > 0 {
				t.Errorf("%s, %d px: the page scrolls sideways for\n%s", folder, width, strings.Join(over, "\n"))
			}
		}
	}
}

// accessible lists what somebody who does not see the page, or has no mouse, would miss.
const accessible = `
	const wrong = [];
	const note = (what, it) => wrong.push(what + ": " + it.outerHTML.slice(0, 120));
	for (const it of document.querySelectorAll("button, a[href], summary")) {
		if (!(it.getAttribute("aria-label") || it.textContent).trim()) note("no name", it);
	}
	for (const it of document.querySelectorAll("textarea, input, select")) if (it.labels.length === 0) note("no label", it);
	const ids = [...document.querySelectorAll("[id]")].map((it) => it.id);
	for (const id of ids) if (ids.filter((other) => other === id).length > 1) wrong.push("id twice: " + id);
	for (const it of document.querySelectorAll("[aria-labelledby]")) if (!document.getElementById(it.getAttribute("aria-labelledby"))) note("label missing", it);
	for (const it of document.querySelectorAll("nav a, a.skip")) if (!document.querySelector(it.getAttribute("href"))) note("leads nowhere", it);
	for (const tag of ["main", "header.top", "nav", "h1"]) if (document.querySelectorAll(tag).length !== 1) wrong.push("not one " + tag);
	if (!document.documentElement.lang) wrong.push("no language");
	let level = 1;
	for (const it of document.querySelectorAll("h1, h2, h3")) {
		const next = Number(it.tagName[1]);
		if (next > level + 1) note("heading skipped", it);
		level = next;
	}
	return wrong;`

// contrasts lists texts that are too faint on their ground, in either colours.
// https://www.w3.org/TR/WCAG22/#contrast-minimum
const contrasts = `
	const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const colour = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
	const light = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => {
		const c = rgb[i] / 255;
		return sum + share * (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
	}, 0);
	const ground = (it) => { for (; it; it = it.parentElement) { const c = colour(getComputedStyle(it).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255]; };
	const wrong = new Set();
	for (const it of document.querySelectorAll("body *")) {
		if (![...it.childNodes].some((child) => child.nodeType === 3 && child.data.trim()) || !it.checkVisibility()) continue;
		const [a, b] = [light(colour(getComputedStyle(it).color)), light(ground(it))];
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) wrong.add(ratio.toFixed(2) + " " + it.tagName + "." + it.className + " " + it.textContent.slice(0, 30));
	}
	return [...wrong];`

func TestThePageIsForEverybody(t *testing.T) {
	for _, folder := range []string{usual, hostile} {
		_, page := show(t, folder)
		page.click("#deliveries summary")
		page.waitForText("#deliveries details[open]", "Step by step")
		for _, colours := range []string{"light", "dark"} {
			page.look(1440, colours)
			for _, script := range []string{accessible, contrasts} {
				var wrong []string
				if page.run(script, &wrong); len(wrong) > 0 {
					t.Errorf("%s, %s:\n%s", folder, colours, strings.Join(wrong, "\n"))
				}
			}
		}
	}
}

func TestTheKeyboardIsEnough(t *testing.T) {
	const tab, enter = "\ue004", "\ue007"
	_, page := show(t, usual)
	page.keys(tab)
	page.waitFor("the way past the top", "document.activeElement.matches('.skip')")
	page.run("document.querySelector('#deliveries summary').focus()", nil)
	page.keys(enter)
	page.waitForText("#deliveries details[open]", "Step by step")
	page.waitFor("a frame around what has the focus", "getComputedStyle(document.activeElement).outlineStyle === 'solid'")
}

func TestTheServerIsAskedAndNobodyElse(t *testing.T) {
	stage, page := show(t, hostile)
	var asked []string
	page.run("return performance.getEntriesByType('resource').map((it) => it.name)", &asked)
	for _, address := range asked {
		if !strings.HasPrefix(address, stage.server.URL+"/") && !strings.HasPrefix(address, "data:") {
			t.Errorf("the page asked for %s", address)
		}
	}
	response, err := http.Get(stage.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if policy := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") {
		t.Errorf("the policy is %q", policy)
	}
}

func TestPictures(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("SCREENSHOTS names no folder for them")
	}
	page := newBrowser(t)
	page.devtools("Emulation.setScrollbarsHidden", map[string]any{"hidden": true}, nil)
	for _, folder := range []string{usual, hostile} {
		stage := newStage(t, folder)
		for _, width := range []int{1440, 390} {
			for _, colours := range []string{"light", "dark"} {
				page.look(width, colours)
				page.open(stage.server.URL)
				page.waitForText("#routes", "manifest")
				page.click("#deliveries summary")
				page.waitForText("#deliveries", "Step by step")
				page.run("document.activeElement.blur(); scrollTo(0, 0)", nil)
				save(t, dir, fmt.Sprintf("%s-%d-%s.png", folder, width, colours), page.picture(true))
				page.click(`details[data-subject="f00d000000000001"] summary`)
				page.click(`button[data-do="close"]`)
				page.waitForText("#ask", "recorded as done by a person")
				save(t, dir, fmt.Sprintf("%s-%d-%s-question.png", folder, width, colours), page.picture(false))
			}
		}
	}
}

func save(t *testing.T, dir, name string, picture []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
