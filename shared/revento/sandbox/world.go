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

// event is one event with all that belongs to it. Lists keep the order in which pages show them. Like all that Save keeps,
// its fields are open to package json.
type event struct {
	ID, Organization, OrganizationName, Name string
	Starts, Ends                             time.Time
	Status                                   string
	Participants                             []*participant
	Activities                               []*activity
	Threads, Locations, Waves                []named
	Program                                  []slot
	// frozen is what is read instead, or nil.
	frozen *event
}

// participant is a person at one event, and the application that brought them there.
type participant struct {
	ID, User, Application, Name, Email, Role string
	State                                    string // of the application
	Registered                               time.Time
	Reviewed                                 time.Time
	Reviewer, Action                         string // of the last review, or ""
	Applied                                  time.Time
	Answers                                  map[string]string
	// Hidden leaves the row out of lists, although the participant is there.
	Hidden bool
}

type activity struct {
	ID, Thread, Location, Name, MinAge string
	Status                             string
	Capacity, Signups                  int
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
		if e.ID == id {
			return e
		}
	}
	return nil
}

func (e *event) participant(id string) *participant {
	for _, p := range e.Participants {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// ofUser is the participant that a user is at the event, or none.
func (e *event) ofUser(user string) []*participant {
	for _, p := range e.Participants {
		if p.User == user {
			return []*participant{p}
		}
	}
	return nil
}

func (e *event) activity(id string) *activity {
	for _, a := range e.Activities {
		if a.ID == id {
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
		"id": e.ID, "organization_id": e.Organization, name: e.Name, "publish_status": e.Status,
		"start_date": e.Starts.Format(time.DateOnly), "end_date": e.Ends.Format(time.DateOnly),
	}
}

// participantRow is a row of the list, and what participant webhooks carry. The fields of the review and the application's
// status are the guide's (/api/endpoints/, /scopes/).
func (s *Sandbox) participantRow(p *participant) object {
	row := object{
		"id": p.ID, "user_id": p.User, "display_name": p.Name, "role": p.Role, "application_status": p.State,
		"status": nil, "registered_at": s.optional(p.Registered),
		"last_reviewed_at": s.optional(p.Reviewed), "last_reviewer_id": orNull(p.Reviewer), "last_review_action": orNull(p.Action),
		"custom_form_fields": p.Answers,
	}
	if !p.Registered.IsZero() {
		row["status"] = registered
	}
	if s.rules.RowsNameApplication {
		row["application_id"] = p.Application
	}
	return row
}

// applicationRow is what application webhooks carry. A review's moment is named after its verb.
// (guide: /webhooks/, /api/endpoints/)
func (s *Sandbox) applicationRow(p *participant) object {
	row := object{
		"id": p.Application, "participant_id": p.ID, "user_id": p.User, "status": p.State, "submitted_at": s.moment(p.Applied),
		"custom_form_fields": p.Answers,
	}
	if p.Action != "" {
		row[p.Action+"_at"] = s.moment(p.Reviewed)
	}
	if p.Action == Approved {
		row["approver_id"] = p.Reviewer
	}
	return row
}

// ownApplicationRow is what /me/application shows.
func (s *Sandbox) ownApplicationRow(p *participant) object {
	row := s.applicationRow(p)
	if !s.rules.ApplicationNamesUser {
		delete(row, "user_id")
	}
	return row
}

// capacityState is made up: the guide says only that there is one.
func (a *activity) capacityState() string {
	if a.Signups >= a.Capacity {
		return "full"
	}
	return "available"
}

func (a *activity) row() object {
	return object{
		"id": a.ID, "thread_id": a.Thread, "location_id": a.Location, "name": a.Name, "status": a.Status, "min_age": a.MinAge,
		"capacity": a.Capacity, "signup_count": a.Signups, "capacity_state": a.capacityState(),
	}
}

func (s *Sandbox) profileRow(p *participant) object {
	row := object{"display_name": p.Name, "email": p.Email}
	if s.rules.ProfileNamesUser {
		row["user_id"] = p.User
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
			ID: fmt.Sprintf("evt_sandbox_%d", number), Organization: plan.organization, OrganizationName: plan.organizationName,
			Name: plan.name, Status: published,
			Starts: today.Add(time.Duration(plan.starts) * day), Ends: today.Add(time.Duration(plan.starts+plan.days-1) * day),
		}
		e.seedProgram(number, plan)
		for n := range participants {
			e.Participants = append(e.Participants, s.newParticipant(number, n, s.now()))
		}
		e.Waves = []named{{fmt.Sprintf("wav_sandbox_%d_1", number), "Early"}, {fmt.Sprintf("wav_sandbox_%d_2", number), "Regular"}}
		s.events = append(s.events, e)
	}
	s.number = participants
}

func (e *event) seedProgram(number int, plan plan) {
	for i, room := range rooms {
		e.Locations = append(e.Locations, named{fmt.Sprintf("loc_sandbox_%d_%d", number, i+1), room})
	}
	for i, thread := range plan.threads {
		e.Threads = append(e.Threads, named{fmt.Sprintf("thr_sandbox_%d_%d", number, i+1), thread})
		for n := range activitiesEach {
			count := len(e.Activities)
			place := e.Locations[count%len(e.Locations)].ID
			a := &activity{
				ID: fmt.Sprintf("act_sandbox_%d_%d", number, count+1), Thread: e.Threads[i].ID, Location: place,
				Name: thread + ": " + themes[n%len(themes)], MinAge: ages[n%len(ages)], Status: published,
				Capacity: seats, Signups: (count * 7) % seats,
			}
			e.Activities = append(e.Activities, a)
			onDay := time.Duration(count%plan.days) * day
			start := e.Starts.Add(onDay + firstHour*time.Hour + time.Duration(count/plan.days%sessionsADay)*2*time.Hour)
			e.Program = append(e.Program, slot{
				ID: fmt.Sprintf("prg_sandbox_%d_%d", number, count+1), ActivityID: a.ID, ThreadID: a.Thread, LocationID: place,
				StartsAt: start.Format(time.RFC3339), EndsAt: start.Add(sessionLength).Format(time.RFC3339),
			})
		}
	}
	slices.SortStableFunc(e.Program, func(a, b slot) int { return strings.Compare(a.StartsAt, b.StartsAt) })
}

// newParticipant makes the n-th person, who is the same user at every event, and comes there in one of all states.
func (s *Sandbox) newParticipant(eventNumber, n int, now time.Time) *participant {
	given, family := givenNames[n%len(givenNames)], familyNames[(n*5+n/len(givenNames))%len(familyNames)]
	applied := now.Add(-time.Duration(20*24-n%200) * time.Hour)
	p := &participant{
		ID: fmt.Sprintf("ptp_sandbox_%d_%03d", eventNumber, n+1), User: fmt.Sprintf("usr_sandbox_%03d", n+1),
		Application: fmt.Sprintf("app_sandbox_%d_%03d", eventNumber, n+1), Name: given + " " + family, Role: "participant",
		Email: strings.ToLower(given+"."+family) + "@example.org", State: Pending, Applied: applied,
		Answers: map[string]string{"favorite_track": tracks[n%len(tracks)], "dietary_notes": diets[n%len(diets)]},
	}
	reviewed := applied.Add(30 * time.Hour)
	switch (n + eventNumber) % 6 {
	case 0, 1:
		p.review(Approved, reviewed)
		p.Registered = reviewed.Add(5 * time.Hour)
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
	p.State, p.Action, p.Reviewed, p.Reviewer = action, action, at, reviewer
}
