package web

import (
	"slices"
	"strings"

	"github.com/a-h/templ"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/web/ui"
)

// attrs returns the attributes by which an input says what stands beside it.
func (f *editForm) attrs(field string) templ.Attributes {
	if f.Errors[field] != "" {
		return templ.Attributes{"aria-invalid": "true", "aria-describedby": field + "-h " + field + "-e"}
	}
	return templ.Attributes{"aria-describedby": field + "-h"}
}

// faulty returns the fields with errors, in the order of the form.
func (f *editForm) faulty() []string {
	order := func(field string) int { return slices.Index(f.fields, strings.TrimPrefix(field, "choose.")) }
	var fields []string
	for field := range f.Errors {
		fields = append(fields, field)
	}
	slices.SortFunc(fields, func(a, b string) int { return order(a) - order(b) })
	return fields
}

// said returns the value of a field as people read it.
func (f *editForm) said(h *datasetHead, field, value string) string {
	switch field {
	case catalog.FieldOwners:
		var names []string
		for _, id := range catalog.ListItems(value) {
			names = append(names, h.ownerName(id))
		}
		return strings.Join(names, ", ")
	case catalog.FieldTags, catalog.FieldTerms:
		return strings.Join(catalog.ListItems(value), ", ")
	case catalog.FieldFreshWithin:
		if n, unit := freshIn(value); n != "" {
			return n + " " + unit
		}
	}
	return value
}

// ownerName returns the name of a person by id.
func (h *datasetHead) ownerName(id string) string {
	for person, who := range h.OwnerNames {
		if catalog.FormatID(person) == id {
			return who.Name
		}
	}
	return "person " + id
}

// people returns the owners of the dataset by name.
func (h *datasetHead) people() []access.Colleague {
	var people []access.Colleague
	for _, id := range h.Owners {
		if who, ok := h.OwnerNames[id]; ok {
			people = append(people, who)
		}
	}
	return people
}

func (h *datasetHead) ownersText() string {
	var names []string
	for _, who := range h.people() {
		names = append(names, who.Name)
	}
	return strings.Join(names, ", ")
}

// fieldLabel is how people call a field.
func fieldLabel(field string) string {
	if path, ok := catalog.ColumnOf(field); ok {
		return "column " + path
	}
	switch field {
	case catalog.FieldSunset:
		return "last day"
	case catalog.FieldTerms:
		return "glossary terms"
	case catalog.FieldAccess:
		return "who may read its rows"
	case catalog.FieldFreshWithin:
		return "expected freshness"
	}
	return strings.ReplaceAll(field, "_", " ")
}

// fieldTitle is the label of a field, on every form.
func fieldTitle(field string) string { return upperFirst(fieldLabel(field)) }

// inputLabel is the label of a field's inputs: of the words on a column, its path.
func inputLabel(field string) string {
	if path, ok := catalog.ColumnOf(field); ok {
		return path
	}
	return fieldTitle(field)
}

// conflictNames names the fields of a form that somebody else changed.
func conflictNames(f editForm) string {
	var names []string
	for _, field := range f.fields {
		if _, ok := f.Conflicts[field]; ok {
			names = append(names, fieldLabel(field))
		}
	}
	return strings.Join(names, ", ")
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// announcedTone is how an announcement looks.
func announcedTone(tone string) ui.Tone {
	switch tone {
	case "bad":
		return ui.Bad
	case "warn":
		return ui.Warn
	}
	return ui.Info
}

// announcementURL is where an announcement is taken down (end) or put up again (back).
func announcementURL(key catalog.Key, id int64, do string) string {
	return datasetURL(key, "announcements") + "/" + catalog.FormatID(id) + "/" + do
}

// successorURL is the page of a dataset that is written source/name.
func successorURL(successor string) string {
	source, name, _ := strings.Cut(successor, "/")
	return datasetURL(catalog.Key{Source: source, Name: name}, "")
}
