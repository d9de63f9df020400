package api

import (
	"net/http"
	"strings"

	"revento-alerts/shared/connection/deletion"
)

// Deletion is a deletion.
type Deletion struct {
	deletion.Case
	// Statement is what can be handed to Revento or an auditor; only where one deletion is asked for.
	Statement string `json:"statement,omitempty"`
}

// Deletions is the answer to GET /api/deletions.
type Deletions struct {
	Deletions []deletion.Case `json:"deletions"`
}

func (b Backend) listDeletions(r *http.Request) (any, error) {
	entries, err := b.Deletions.All(r.Context())
	if err != nil {
		return nil, err
	}
	list := Deletions{Deletions: make([]deletion.Case, len(entries))}
	for i, entry := range entries {
		list.Deletions[i] = entry.Value
	}
	return list, nil
}

func (b Backend) showDeletion(r *http.Request) (any, error) {
	entry, err := b.Deletions.Find(r.Context(), r.PathValue("id"))
	return b.stated(entry, err)
}

// DeletionPreview is what deleting now would do.
type DeletionPreview struct {
	deletion.Case
	// Records is how many records would be deleted.
	Records int `json:"records"`
}

func (b Backend) previewDeletion(r *http.Request) (any, error) {
	entry, records, err := b.Deletions.Preview(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return DeletionPreview{Case: entry.Value, Records: records}, nil
}

func (b Backend) deleteNow(r *http.Request) (any, error) {
	entry, err := b.Deletions.DeleteNow(r.Context(), r.PathValue("id"))
	return b.stated(entry, err)
}

func (b Backend) closeDeletion(r *http.Request) (any, error) {
	asked, err := read[struct {
		Note string `json:"note"`
		User string `json:"user"`
	}](r)
	if err != nil {
		return nil, err
	}
	if asked.User != "" {
		entry, err := b.Deletions.CloseForgetting(r.Context(), r.PathValue("id"), asked.Note, asked.User)
		return b.stated(entry, err)
	}
	entry, err := b.Deletions.Close(r.Context(), r.PathValue("id"), asked.Note)
	return b.stated(entry, err)
}

func (b Backend) stated(entry deletion.Entry, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	var statement strings.Builder
	if err := deletion.WriteStatement(&statement, entry.Value, b.Stack); err != nil {
		return nil, err
	}
	return Deletion{Case: entry.Value, Statement: statement.String()}, nil
}
