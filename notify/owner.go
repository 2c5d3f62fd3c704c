package notify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
)

// ownerChange is a change of who owns a dataset.
type ownerChange struct {
	ID, Page     int64
	Source, Name string
	Old, New     string // ids of people, commas between
	PersonID     int64  // whose edit it was, or 0
	Person       string
}

func (c *ownerChange) key() string { return catalog.Key{Source: c.Source, Name: c.Name}.String() }

// tellOwners tells people that others made them owners of datasets or took them off, whether they watch these or not.
func tellOwners(ctx context.Context, tx pgx.Tx, ids []int64) error {
	const q = `
		SELECT c.id, p.id AS page, s.slug AS source, p.name, c.old, c.new, coalesce(e.person_id, 0) AS person_id, coalesce(e.person, '') AS person
		FROM dataset_change c JOIN dataset d ON d.id = c.dataset_id JOIN dataset p ON p.id = coalesce(d.main_id, d.id)
		JOIN source s ON s.id = p.source_id LEFT JOIN dataset_edit e ON e.id = c.edit_id
		WHERE c.id = ANY($1) AND c.kind = 'attribute' AND c.field = 'owners' ORDER BY c.id`
	rows, _ := tx.Query(ctx, q, ids)
	changes, err := pgx.CollectRows(rows, pgx.RowToStructByName[ownerChange])
	if err != nil || len(changes) == 0 {
		return err
	}
	made, freed := map[int64][]*ownerChange{}, map[int64][]*ownerChange{}
	for i := range changes {
		c := &changes[i]
		were, are := idsIn(c.Old), idsIn(c.New)
		for _, id := range are {
			if id != c.PersonID && !slices.Contains(were, id) {
				made[id] = append(made[id], c)
			}
		}
		for _, id := range were {
			if id != c.PersonID && !slices.Contains(are, id) {
				freed[id] = append(freed[id], c)
			}
		}
	}
	known, err := peopleAmong(ctx, tx, made, freed)
	if err != nil {
		return err
	}
	out := adder{tx: tx}
	for _, id := range known {
		for _, n := range append(ownerNews(id, made[id], true), ownerNews(id, freed[id], false)...) {
			if err := out.add(ctx, n); err != nil {
				return err
			}
		}
	}
	return out.flush(ctx)
}

// peopleAmong returns the ids in lists that are of people, in order: a file may name any number as an owner.
func peopleAmong(ctx context.Context, tx pgx.Tx, lists ...map[int64][]*ownerChange) ([]int64, error) {
	var ids []int64
	for _, list := range lists {
		for id := range list {
			ids = append(ids, id)
		}
	}
	rows, _ := tx.Query(ctx, `SELECT id FROM person WHERE id = ANY($1) ORDER BY id`, ids)
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// ownerNews words for a person that they own datasets now, or no longer: many at once are one notification.
func ownerNews(person int64, changes []*ownerChange, owns bool) []New {
	if len(changes) > tellEach {
		names := make([]string, len(changes))
		for i, c := range changes {
			names[i] = c.key()
		}
		return []New{{
			PersonID: person, Event: OwnerChanged, Title: changes[0].title(count(len(changes), "dataset", "datasets"), owns), Body: some(names),
			Path: fmt.Sprintf("/people/%d", person), Once: fmt.Sprintf("owners from %d", changes[0].ID),
		}}
	}
	news := make([]New, len(changes))
	for i, c := range changes {
		news[i] = New{
			PersonID: person, Event: OwnerChanged, DatasetID: c.Page, Title: c.title(c.key(), owns),
			Path: datasetPath(catalog.Key{Source: c.Source, Name: c.Name}, ""), Once: fmt.Sprintf("owners %d", c.ID),
		}
	}
	return news
}

func (c *ownerChange) title(what string, owns bool) string {
	switch {
	case c.Person == "" && owns:
		return "You are an owner of " + what + " now"
	case c.Person == "":
		return "You are no longer an owner of " + what
	case owns:
		return c.Person + " made you an owner of " + what
	}
	return c.Person + " took you off the owners of " + what
}

// idsIn reads ids with commas between, as history keeps owners. What is no id is left out.
func idsIn(text string) []int64 {
	var ids []int64
	for part := range strings.SplitSeq(text, ",") {
		if id, err := strconv.ParseInt(strings.TrimSpace(part), 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}
