package operator

import (
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/operate/attendance"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/asking"
	"revento-alerts/shared/wiring/mirrorworker"
)

// Connect has the site show connections, and what a person can do with them, where something runs that looks at them. public is where the
// pages are, and deliver takes in deliveries of our own.
func (s *Site) Connect(engine wiring.Engine, asks asking.Asking, looks *upkeep.Upkeep, public consent.PublicURL, deliver life.Deliver) {
	s.Asking, s.Reach, s.RedirectURI = &asks.Secrets, asks.Client.Reach, public.RedirectURI()
	passes := &pass.Passes{Registry: asks.Registry, Records: engine.Records, Now: engine.Now}
	if looks.Passer == nil { // who only asks for one
		looks.Passer = passes
	}
	s.Connections = &life.Operator{
		Lives: asks.Lives, Standings: asks.Keeper, Looks: looks, Summaries: mirrorworker.Rows(engine, nil, nil), Passes: passes,
		Rings: asks.Secrets.Rings, Public: public, Deliver: deliver, Wait: grant.Wait,
		Installation: engine.Installation,
	}
}

// Attendance is who attends the events of connections.
func Attendance(engine wiring.Engine, of *life.Operator, rings mirror.Rings, seeds mirror.Seeds) *attendance.Attendance {
	rows := mirrorworker.Rows(engine, rings, seeds)
	return &attendance.Attendance{
		Connections: of, People: attendance.Mirrored{Rows: rows}, Records: engine.Records, Now: engine.Now,
	}
}

// People are those that keep something of persons: the rows, and the records that name their user.
func People(engine wiring.Engine, rings mirror.Rings, seeds mirror.Seeds) []deletion.People {
	return []deletion.People{mirrorworker.Rows(engine, rings, seeds), deletion.UserRecords{Records: engine.Records, Now: engine.Now}}
}
