package notify

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"portreeve/catalog"
)

// namesTold is how many columns or datasets a notification names.
const namesTold = 5

// notification words what changed for one who watches it.
func (m *moment) notification(w watcher) New {
	event, headline := m.headline()
	return New{
		PersonID: w.PersonID, WatchID: w.ID, Event: event, DatasetID: m.dataset, Title: m.key.String() + ": " + headline,
		Body: m.body(), Path: datasetPath(m.key, "history"), Once: fmt.Sprintf("change %d", m.id),
	}
}

// many words what changed of many datasets of a team.
func many(w watcher, all []*moment) New {
	var names []string
	for _, m := range all {
		names = append(names, m.key.String())
	}
	names = distinct(names)
	return New{
		PersonID: w.PersonID, WatchID: w.ID, Event: all[0].event(), Title: count(len(names), "dataset", "datasets") + " of " + w.Team + " changed",
		Body: some(names), Path: "/data?team=" + url.QueryEscape(w.Team), Once: fmt.Sprintf("changes from %d of %s", all[0].id, w.Team),
	}
}

func (m *moment) event() Event {
	event, _ := m.headline()
	return event
}

// headline says in a few words what matters most of the changes.
func (m *moment) headline() (event Event, words string) {
	rank := len(order)
	for _, c := range m.changes {
		e, text := meaning(c)
		if r := slices.Index(order, e); r < rank {
			event, words, rank = e, text, r
		}
	}
	return event, words
}

// order is how much events matter, most first.
var order = []Event{Gone, Deprecated, SchemaChanged, OwnerChanged, Described}

// meaning says what a change is to people.
func meaning(c catalog.Change) (Event, string) {
	switch c.Kind {
	case catalog.Gone:
		return Gone, "gone from its source"
	case catalog.Back:
		return Gone, "there again"
	case catalog.Renamed:
		return Gone, "renamed"
	case catalog.ColumnAdded, catalog.ColumnRemoved, catalog.ColumnRenamed, catalog.ColumnRetyped, catalog.ColumnNullable, catalog.ColumnMoved:
		return SchemaChanged, "columns changed"
	case catalog.ColumnComment, catalog.Created:
		return Described, "description changed"
	case catalog.AttributeEdited:
	}
	switch c.Field {
	case "deprecated", "sunset", "successor":
		if c.Field == "deprecated" && c.New == "" {
			return Deprecated, "no longer deprecated"
		}
		return Deprecated, "deprecated"
	case "team", "owners", "domain":
		return OwnerChanged, "owner changed"
	case "kind", "location", "format", "partitioning", "definition", "sort order":
		return SchemaChanged, c.Field + " changed"
	case "certified":
		if c.New == "yes" {
			return Described, "certified"
		}
		return Described, "no longer certified"
	}
	return Described, strings.ReplaceAll(c.Field, "_", " ") + " changed"
}

// body says all that changed, in a few sentences.
func (m *moment) body() string {
	var parts []string
	columns := func(kind catalog.ChangeKind, verb string, name func(catalog.Change) string) {
		var names []string
		for _, c := range m.changes {
			if c.Kind == kind {
				names = append(names, name(c))
			}
		}
		if len(names) > 0 {
			parts = append(parts, count(len(names), "column", "columns")+" "+verb+": "+some(names))
		}
	}
	field := func(c catalog.Change) string { return c.Field }
	change := func(c catalog.Change) string { return c.Field + " (" + c.Old + " → " + c.New + ")" }
	columns(catalog.ColumnAdded, "added", field)
	columns(catalog.ColumnRemoved, "removed", field)
	columns(catalog.ColumnRenamed, "renamed", func(c catalog.Change) string { return c.Old + " → " + c.New })
	columns(catalog.ColumnRetyped, "of another type", change)
	columns(catalog.ColumnNullable, "with or without nulls", change)
	columns(catalog.ColumnMoved, "moved", field)
	columns(catalog.ColumnComment, "described anew", field)
	for _, c := range m.changes {
		if c.Kind == catalog.AttributeEdited || c.Kind == catalog.Renamed {
			parts = append(parts, attribute(c))
		}
	}
	text := strings.Join(parts, "; ")
	if m.person != "" {
		text = strings.TrimSuffix(text, ".") + ". By " + m.person + "."
	}
	return text
}

// attribute says how an attribute changed.
func attribute(c catalog.Change) string {
	name := strings.ReplaceAll(c.Field, "_", " ")
	if c.Kind == catalog.Renamed {
		name = "name"
	}
	switch {
	case c.Field == "owners" || c.Field == "definition": // ids and code say nothing here
		return name + " changed"
	case c.Old == "":
		return name + ": " + line(c.New)
	case c.New == "":
		return name + " removed: " + line(c.Old)
	}
	return name + ": " + line(c.Old) + " → " + line(c.New)
}

// some lists the first names and counts the others.
func some(names []string) string {
	if len(names) <= namesTold {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:namesTold], ", ") + " and " + strconv.Itoa(len(names)-namesTold) + " more"
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// line is a text without line breaks.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }
