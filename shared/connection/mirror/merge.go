package mirror

import (
	"bytes"
	"maps"
	"time"
)

// merge puts a document into the row, and says whether anything of the row changed by it. What an older document says stays out.
func (r *Row) merge(of subject, fields Fields, next Stamp, now time.Time) (changed bool) {
	document := fields.document()
	former := r.Parts[of.part]
	if former.isRepeated(document, next) {
		return false
	}
	standing, taken := former.after(next, now)
	merged := Opened{Document: former.Document, Stamp: standing}
	if taken {
		merged.Document = document
		r.name(of.part, fields)
	}
	changed = taken || former.Stamp != standing
	r.Parts = maps.Clone(r.Parts)
	if r.Parts == nil {
		r.Parts = map[Part]Opened{}
	}
	r.Parts[of.part] = merged
	if r.Thing == Participant {
		changed = r.turn(of, fields, next, now) || changed
		changed = r.verify(next) || changed
	}
	return changed
}

// isRepeated says whether a document came again as it stands: a webhook that was doubled, or a page.
func (o Opened) isRepeated(document []byte, next Stamp) bool {
	return o.Source == next.Source && o.AsOf.Equal(next.AsOf) && o.Pass == next.Pass && bytes.Equal(o.Document, document)
}

// name keeps what a document names. What a later one leaves out stays known.
func (r *Row) name(part Part, fields Fields) {
	if r.Thing == Participant {
		keep(&r.UserID, idIn(fields, "user_id"))
		if part == ApplicationPart {
			keep(&r.ApplicationID, idIn(fields, "id"))
			return
		}
		keep(&r.ApplicationID, idIn(fields, "application_id"))
	}
	if part != CapacityPart {
		keep(&r.Name, nameIn(fields))
	}
}

func keep(known *string, named string) {
	if named != "" {
		*known = named
	}
}

// turn merges the statuses that a document names, each as a part of its own: an application's status is in two documents.
func (r *Row) turn(of subject, fields Fields, next Stamp, now time.Time) (changed bool) {
	from := r.Status()
	if status := statusIn(fields, of.statusField()); status != "" {
		changed = settle(&r.Application, &r.ApplicationOf, status, next, now)
	}
	if registration, named := of.registration(fields); named {
		changed = settle(&r.Registration, &r.RegistrationOf, registration, next, now) || changed
	}
	if to := r.Status(); from != "" && to != from {
		r.Turned = Turn{From: from, To: to, Stamp: next}
	}
	return changed
}

// settle puts a status in the place of another, if it is the newer one.
func settle(status *string, of *Stamp, named string, next Stamp, now time.Time) (changed bool) {
	standing, taken := of.after(next, now)
	if of.Source != "" && *status == named { // both say the same: there is nothing to verify
		if !taken {
			return false
		}
		standing.MarkedAt = time.Time{}
	}
	if taken {
		*status = named
	}
	changed = *of != standing
	*of = standing
	return changed
}

// verify takes the mark from an application, of which no list shows the document, once a list that was asked for after the mark has shown
// its status.
func (r *Row) verify(next Stamp) (changed bool) {
	part, known := r.Parts[ApplicationPart]
	if !known || !part.IsMarked() || next.Source != ByList || !next.At.After(part.MarkedAt) {
		return false
	}
	part.MarkedAt = time.Time{}
	r.Parts[ApplicationPart] = part
	return true
}
