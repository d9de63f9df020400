package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The statuses of an application. (guide: /sandbox/)
const (
	Pending           = "pending"
	Approved          = "approved"
	Rejected          = "rejected"
	RevisionRequested = "revision_requested"
)

// registered is a participant's status once approved and paid. (guide: /patterns/) The name of its field is not known.
const registered = "registered"

// The values of an event's publish_status. The field is in the guide, its values are not.
const (
	published   = "published"
	unpublished = "unpublished"
)

// event is one event with all that belongs to it. Lists keep the order in which pages show them.
type event struct {
	id, organization, organizationName, name string
	starts, ends                             time.Time
	status                                   string
	participants                             []*participant
	activities                               []*activity
	threads, locations, waves                []named
	program                                  []slot
}

// participant is a person at one event, and the application that brought them there.
type participant struct {
	id, user, application, name, email, role string
	state                                    string // of the application
	registered                               time.Time
	reviewed                                 time.Time
	reviewer, action                         string // of the last review, or ""
	applied                                  time.Time
	answers                                  map[string]string
	// hidden leaves the row out of lists, although the participant is there.
	hidden bool
}

type activity struct {
	id, thread, location, name, minAge string
	status                             string
	capacity, signups                  int
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// slot is when and where an activity takes place.
type slot struct {
	ID         string `json:"id"`
	ActivityID string `json:"activity_id"`
	ThreadID   string `json:"thread_id"`
	LocationID string `json:"location_id"`
	StartsAt   string `json:"starts_at"`
	EndsAt     string `json:"ends_at"`
}

func (s *Sandbox) event(id string) *event {
	for _, e := range s.events {
		if e.id == id {
			return e
		}
	}
	return nil
}

func (e *event) participant(id string) *participant {
	for _, p := range e.participants {
		if p.id == id {
			return p
		}
	}
	return nil
}

func (e *event) participantOf(user string) *participant {
	for _, p := range e.participants {
		if p.user == user {
			return p
		}
	}
	return nil
}

func (e *event) activity(id string) *activity {
	for _, a := range e.activities {
		if a.id == id {
			return a
		}
	}
	return nil
}

// moment writes a time as Revento does: ISO 8601, UTC. (guide: /api/)
func (s *Sandbox) moment(at time.Time) string {
	return at.UTC().Truncate(s.rules.Precision).Format(time.RFC3339Nano)
}

// optional is null for no moment.
func (s *Sandbox) optional(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return s.moment(at)
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// object is a JSON object.
type object = map[string]any

// row is the event as the API shows it.
func (s *Sandbox) eventRow(e *event) object {
	name := "name"
	if s.rules.EventHasTitle {
		name = "title"
	}
	return object{
		"id": e.id, "organization_id": e.organization, name: e.name, "publish_status": e.status,
		"start_date": e.starts.Format(time.DateOnly), "end_date": e.ends.Format(time.DateOnly),
	}
}

// participantRow is a row of the list, and what participant webhooks carry. The fields of the review and the application's status
// are the guide's (/api/endpoints/, /scopes/).
func (s *Sandbox) participantRow(p *participant) object {
	row := object{
		"id": p.id, "user_id": p.user, "display_name": p.name, "role": p.role, "application_status": p.state,
		"status": nil, "registered_at": s.optional(p.registered),
		"last_reviewed_at": s.optional(p.reviewed), "last_reviewer_id": orNull(p.reviewer), "last_review_action": orNull(p.action),
		"custom_form_fields": p.answers,
	}
	if !p.registered.IsZero() {
		row["status"] = registered
	}
	if s.rules.RowsNameApplication {
		row["application_id"] = p.application
	}
	return row
}

// applicationRow is what application webhooks carry and /me/application lists. A review's moment is named after its verb. (guide:
// /webhooks/, /api/endpoints/)
func (s *Sandbox) applicationRow(p *participant) object {
	row := object{
		"id": p.application, "participant_id": p.id, "user_id": p.user, "status": p.state, "submitted_at": s.moment(p.applied),
		"custom_form_fields": p.answers,
	}
	if p.action != "" {
		row[p.action+"_at"] = s.moment(p.reviewed)
	}
	if p.action == Approved {
		row["approver_id"] = p.reviewer
	}
	return row
}

// capacityState is made up: the guide says only that there is one.
func (a *activity) capacityState() string {
	if a.signups >= a.capacity {
		return "full"
	}
	return "available"
}

func (a *activity) row() object {
	return object{
		"id": a.id, "thread_id": a.thread, "location_id": a.location, "name": a.name, "status": a.status, "min_age": a.minAge,
		"capacity": a.capacity, "signup_count": a.signups, "capacity_state": a.capacityState(),
	}
}

func (s *Sandbox) profileRow(p *participant) object {
	row := object{"display_name": p.name, "email": p.email}
	if s.rules.ProfileNamesUser {
		row["user_id"] = p.user
	}
	return row
}

// The seeded world. Persons, places and addresses are made up; addresses are of a domain that nobody has
// (https://www.rfc-editor.org/rfc/rfc2606#section-3).
var (
	givenNames = strings.Fields("Ada Bram Chidi Dalia Emre Freya Goran Hana Idris Jonna Kofi Lena Mateo Nadia Otto Priya Quentin Rosa " +
		"Sami Tove Umar Vera Wanja Ximena Yara Zeno")
	familyNames = strings.Fields("Adeyemi Berger Castell Dahl Eriksen Fontaine Grimm Haddad Iversen Jansen Kowalska Lindqvist Moreau " +
		"Novak Okafor Petrov Rahman Silva Tanaka Ueda Varga")
	tracks = []string{"Making", "Stories", "Outdoors"}
	diets  = []string{"", "vegetarian", "no nuts", "vegan"}
	rooms  = []string{"Great hall", "Workshop", "Library", "Meadow stage"}
	themes = []string{"Opening", "Hands-on", "Deep dive", "Show and tell", "Walk", "Clinic", "Panel", "Open table", "Jam", "Closing"}
	ages   = []string{"age_all", "age_12_plus", "age_18_plus"}
)

type plan struct {
	organization, organizationName, name string
	starts, days                         int
	threads                              []string
}

var plans = []plan{
	{"org_sandbox_1", "Northwind Gatherings", "Northwind Makers Camp", 21, 4, []string{"Making", "Stories"}},
	{"org_sandbox_1", "Northwind Gatherings", "Northwind Winter School", 60, 3, []string{"Lectures", "Practice"}},
	{"org_sandbox_2", "Harbour Games Society", "Harbour Games Convention", 35, 5, []string{"Board games", "Role play", "Larp"}},
}

const (
	day            = 24 * time.Hour
	activitiesEach = 9 // of a thread; Revento's sandbox has 8 to 12 (guide: /sandbox/)
	seats          = 20
	firstHour      = 9
	sessionLength  = 90 * time.Minute
	sessionsADay   = 5
)

// seed makes three events of two organizations.
func (s *Sandbox) seed(participants int) {
	today := s.now().Truncate(day)
	for i, plan := range plans {
		number := i + 1
		e := &event{
			id: fmt.Sprintf("evt_sandbox_%d", number), organization: plan.organization, organizationName: plan.organizationName,
			name: plan.name, status: published,
			starts: today.Add(time.Duration(plan.starts) * day), ends: today.Add(time.Duration(plan.starts+plan.days-1) * day),
		}
		e.seedProgram(number, plan)
		for n := range participants {
			e.participants = append(e.participants, s.newParticipant(number, n, s.now()))
		}
		e.waves = []named{{fmt.Sprintf("wav_sandbox_%d_1", number), "Early"}, {fmt.Sprintf("wav_sandbox_%d_2", number), "Regular"}}
		s.events = append(s.events, e)
	}
	s.number = participants
}

func (e *event) seedProgram(number int, plan plan) {
	for i, room := range rooms {
		e.locations = append(e.locations, named{fmt.Sprintf("loc_sandbox_%d_%d", number, i+1), room})
	}
	for i, thread := range plan.threads {
		e.threads = append(e.threads, named{fmt.Sprintf("thr_sandbox_%d_%d", number, i+1), thread})
		for n := range activitiesEach {
			count := len(e.activities)
			place := e.locations[count%len(e.locations)].ID
			a := &activity{
				id: fmt.Sprintf("act_sandbox_%d_%d", number, count+1), thread: e.threads[i].ID, location: place,
				name: thread + ": " + themes[n%len(themes)], minAge: ages[n%len(ages)], status: published,
				capacity: seats, signups: (count * 7) % seats,
			}
			e.activities = append(e.activities, a)
			onDay := time.Duration(count%plan.days) * day
			start := e.starts.Add(onDay + firstHour*time.Hour + time.Duration(count/plan.days%sessionsADay)*2*time.Hour)
			e.program = append(e.program, slot{
				ID: fmt.Sprintf("prg_sandbox_%d_%d", number, count+1), ActivityID: a.id, ThreadID: a.thread, LocationID: place,
				StartsAt: start.Format(time.RFC3339), EndsAt: start.Add(sessionLength).Format(time.RFC3339),
			})
		}
	}
	slices.SortStableFunc(e.program, func(a, b slot) int { return strings.Compare(a.StartsAt, b.StartsAt) })
}

// newParticipant makes the n-th person, who is the same user at every event, and comes there in one of all states.
func (s *Sandbox) newParticipant(eventNumber, n int, now time.Time) *participant {
	given, family := givenNames[n%len(givenNames)], familyNames[(n*5+n/len(givenNames))%len(familyNames)]
	applied := now.Add(-time.Duration(20*24-n%200) * time.Hour)
	p := &participant{
		id: fmt.Sprintf("ptp_sandbox_%d_%03d", eventNumber, n+1), user: fmt.Sprintf("usr_sandbox_%03d", n+1),
		application: fmt.Sprintf("app_sandbox_%d_%03d", eventNumber, n+1), name: given + " " + family, role: "participant",
		email: strings.ToLower(given+"."+family) + "@example.org", state: Pending, applied: applied,
		answers: map[string]string{"favorite_track": tracks[n%len(tracks)], "dietary_notes": diets[n%len(diets)]},
	}
	reviewed := applied.Add(30 * time.Hour)
	switch (n + eventNumber) % 6 {
	case 0, 1:
		p.review(Approved, reviewed)
		p.registered = reviewed.Add(5 * time.Hour)
	case 2:
		p.review(Approved, reviewed)
	case 3:
		p.review(Rejected, reviewed)
	case 4:
		p.review(RevisionRequested, reviewed)
	}
	return p
}

// reviewer decides on all applications.
const reviewer = "usr_sandbox_organizer"

func (p *participant) review(action string, at time.Time) {
	p.state, p.action, p.reviewed, p.reviewer = action, action, at, reviewer
}
