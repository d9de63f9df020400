package slack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"revento-alerts/shared/alerting/alert"
)

// What is shown of a digest, at most: so much that its longest lines fit into a section, and all of them into a message (held
// by a test).
const (
	maxCountsPerSection = 8
	maxCounts           = 20
	maxNewest           = 5
	maxAttendance       = 10
	maxDigestText       = 60 // runes of a type or an id
)

// digestDetails are the blocks beside the coloured bar of a digest: the counts, the newest few, and what is not shown.
func digestDetails(content alert.Content) []slack.Block {
	told := content.Digest
	var counts []string
	for _, count := range told.Counts[:min(len(told.Counts), maxCounts)] {
		counts = append(counts, fmt.Sprintf("*%d* %s%s%s", count.Events, digestTitle(count.Type), place(count.EventName, count.EventID), found(count.FoundBy)))
	}
	var blocks []slack.Block
	for chunk := range slices.Chunk(counts, maxCountsPerSection) {
		blocks = append(blocks, section(strings.Join(chunk, "\n")))
	}
	if len(told.Newest) > 0 {
		blocks = append(blocks, newestSection(told.Newest))
	}
	if len(told.Attendance) > 0 {
		blocks = append(blocks, attendanceSection(told.Attendance))
	}
	return append(blocks, contextLine(digestNotes(content)...))
}

func newestSection(newest []alert.Occurrence) slack.Block {
	lines := []string{"*Newest*"}
	for _, occurrence := range newest[:min(len(newest), maxNewest)] {
		lines = append(lines, digestTitle(occurrence.Type)+resource(occurrence.ResourceID)+place(occurrence.EventName, occurrence.EventID)+
			" · "+date(occurrence.HappenedAt)+found(occurrence.FoundBy))
	}
	return section(strings.Join(lines, "\n"))
}

// attendanceSection has a line for each event: "Summer Camp · evt_1: 212 registered, 3 cancelled today".
func attendanceSection(all []alert.Attendance) slack.Block {
	lines := []string{"*Who attends*"}
	for _, of := range all[:min(len(all), maxAttendance)] {
		line := code(of.EventID, maxDigestText)
		if of.Name != "" {
			line = plain(of.Name, maxDigestText) + " · " + line
		}
		line += fmt.Sprintf(": *%d* registered", of.Registered)
		if of.CancelledToday > 0 {
			line += fmt.Sprintf(", %d cancelled today", of.CancelledToday)
		}
		lines = append(lines, line)
	}
	return section(strings.Join(lines, "\n"))
}

func digestNotes(content alert.Content) []string {
	var notes []string
	if told := content.Digest; told.OtherCounts > 0 {
		notes = append(notes, fmt.Sprintf("and %d more kinds, with %d events", told.OtherCounts, told.OtherEvents))
	}
	if waiting := content.Digest.Waiting; waiting > 0 {
		notes = append(notes, fmt.Sprintf("at least %d more events wait for the next digest", waiting))
	}
	return append(notes, code(content.DeliveryID, maxID))
}

func digestTitle(eventType string) string { return plain(alert.TitleOf(eventType), maxDigestText) }

func resource(id string) string {
	if id == "" {
		return ""
	}
	return " " + code(id, maxDigestText)
}

// found says that no webhook told of it.
func found(by string) string {
	if by == "" {
		return ""
	}
	return " · found by " + plain(by, maxDigestText)
}

func place(eventName, eventID string) string {
	if eventID == "" {
		return ""
	}
	place := " · "
	if name := plain(eventName, maxEventName); name != "" {
		place += name + " "
	}
	return place + code(eventID, maxDigestText)
}
