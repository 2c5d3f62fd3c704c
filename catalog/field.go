package catalog

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"portreeve/fault"
)

// Who may read the rows of a dataset: everyone signed in, or those whose it is and those who were granted it.
const (
	Open       = "open"
	Restricted = "restricted"
)

// The fields of a dataset that can be edited, beside the words on its columns. Their values are text: of a list, a JSON array
// of strings; of certified, yes or no; of fresh_within, whole seconds; of sunset, a day such as 2026-12-31; of successor,
// source/name; of owners, a list of ids of people.
const (
	FieldTitle       = "title"
	FieldDescription = "description" // Markdown
	FieldTeam        = "team"
	FieldOwners      = "owners"
	FieldDomain      = "domain"
	FieldTags        = "tags"
	FieldTerms       = "terms"
	FieldCertified   = "certified"
	FieldDeprecated  = "deprecated"
	FieldSunset      = "sunset"
	FieldSuccessor   = "successor"
	FieldAccess      = "access"
	FieldFreshWithin = "fresh_within"
)

var fields = []string{
	FieldTitle, FieldDescription, FieldTeam, FieldOwners, FieldDomain, FieldTags, FieldTerms, FieldCertified, FieldDeprecated,
	FieldSunset, FieldSuccessor, FieldAccess, FieldFreshWithin,
}

// Fields returns the fields that can be edited, in the order in which people read of them.
func Fields() []string { return slices.Clone(fields) }

const columnField = "column:"

// ColumnField returns the field that holds the words on a column.
func ColumnField(path string) string { return columnField + path }

// ColumnOf returns the path of the column that a field is about.
func ColumnOf(field string) (path string, ok bool) { return strings.CutPrefix(field, columnField) }

// isList reports whether the value of a field is a list.
func isList(field string) bool {
	return field == FieldOwners || field == FieldTags || field == FieldTerms
}

// ListValue returns the value of a field that holds a list.
func ListValue(items []string) string {
	if items == nil {
		items = []string{}
	}
	b, err := json.Marshal(items)
	if err != nil {
		panic(err) // strings always can be
	}
	return string(b)
}

// ListItems returns the items of the value of a field that holds a list, and none of what is no such value.
func ListItems(value string) []string {
	items, err := listOf("", value)
	if err != nil {
		return nil
	}
	return items
}

// listOf is the inverse of ListValue.
func listOf(field, value string) ([]string, error) {
	var items []string
	if err := json.Unmarshal([]byte(value), &items); err != nil {
		return nil, fault.Invalidf(field, "a list is a JSON array of strings")
	}
	return items, nil
}

// Bounds of what people write.
const (
	maxTitle  = 200
	maxTags   = 50
	maxOwners = 20
	maxTag    = 64
	maxReason = 2000
	maxFresh  = 366 * 24 * 60 * 60 // seconds
)

var tagPattern = regexp.MustCompile(`^[\pL\pN\p{So}][\pL\pN\pM\p{So}\p{Sk}\x{200D} _.:/-]*$`)

// checkValue returns the value of a field as it is kept, or an Invalid error of that field. Whether what it names is there is
// for the store to find out.
func checkValue(field, value string) (string, error) {
	if !storable(value) {
		return "", fault.Invalidf(field, "this is no text")
	}
	value = strings.TrimSpace(strings.ReplaceAll(value, "\r\n", "\n"))
	if isList(field) {
		return checkList(field, value)
	}
	limit, ok := map[string]int{
		FieldTitle: maxTitle, FieldDescription: maxText, FieldTeam: maxTag, FieldDomain: maxTag, FieldDeprecated: maxReason,
		FieldSuccessor: maxName + 64, FieldCertified: 3, FieldSunset: 10, FieldAccess: 10, FieldFreshWithin: 10,
	}[field]
	if _, column := ColumnOf(field); column {
		limit, ok = 4000, true
	}
	if !ok {
		return "", fault.Invalidf(field, "there is no field %.60q to edit", field)
	}
	if len(value) > limit {
		return "", fault.Invalidf(field, "this has %d bytes, and may have %d", len(value), limit)
	}
	return value, checkSyntax(field, value)
}

func checkSyntax(field, value string) error {
	switch field {
	case FieldTitle:
		if strings.ContainsAny(value, "\n\t") {
			return fault.Invalidf(field, "a title is one line")
		}
	case FieldCertified:
		if value != "yes" && value != "no" {
			return fault.Invalidf(field, "certified is yes or no")
		}
	case FieldAccess:
		if value != Open && value != Restricted {
			return fault.Invalidf(field, "access is open or restricted")
		}
	case FieldSunset:
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return fault.Invalidf(field, "a day is written like 2026-12-31")
		}
	case FieldFreshWithin:
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n < 60 || n > maxFresh {
			return fault.Invalidf(field, "new data is expected within a minute at least and 366 days at most, in seconds")
		}
	}
	return nil
}

func checkList(field, value string) (string, error) {
	items, err := listOf(field, value)
	if err != nil {
		return "", err
	}
	limit, longest := maxTags, maxTag
	if field == FieldOwners {
		limit, longest = maxOwners, 20
	}
	out := []string{}
	for _, item := range items {
		item = strings.Join(strings.Fields(item), " ")
		switch {
		case item == "" || slices.Contains(out, item):
			continue
		case len(item) > longest:
			return "", fault.Invalidf(field, "%.20q… has %d bytes, and may have %d", item, len(item), longest)
		case field == FieldTags && !tagPattern.MatchString(item):
			return "", fault.Invalidf(field, "the tag %q has other characters than letters, digits, symbols, spaces and _ . : / -", item)
		case field == FieldOwners:
			if n, err := strconv.ParseInt(item, 10, 64); err != nil || n <= 0 {
				return "", fault.Invalidf(field, "%q is no id of a person", item)
			}
		}
		out = append(out, item)
	}
	if len(out) > limit {
		return "", fault.Invalidf(field, "these are %d, and there may be %d", len(out), limit)
	}
	return ListValue(out), nil
}

// Value returns what holds for a field of d, as it would be edited. Of columns it knows nothing.
func (d *Dataset) Value(field string) string {
	switch field {
	case FieldTitle:
		return d.Title
	case FieldDescription:
		return d.Description
	case FieldTeam:
		return d.Team
	case FieldOwners:
		ids := make([]string, len(d.Owners))
		for i, id := range d.Owners {
			ids[i] = FormatID(id)
		}
		return ListValue(ids)
	case FieldDomain:
		return d.Domain
	case FieldTags:
		return ListValue(d.Tags)
	case FieldTerms:
		return ListValue(d.Terms)
	case FieldCertified:
		return yesNo(d.Certified)
	case FieldDeprecated:
		return d.Deprecated
	case FieldSunset:
		if d.Sunset != nil {
			return d.Sunset.Format(time.DateOnly)
		}
	case FieldSuccessor:
		return d.Successor
	case FieldAccess:
		return d.Access
	case FieldFreshWithin:
		if d.FreshWithin != nil {
			return FormatID(*d.FreshWithin)
		}
	}
	return ""
}

// told returns a value as history tells it: a list as people write one.
func told(field, value string) string {
	if !isList(field) {
		return value
	}
	items, err := listOf(field, value)
	if err != nil {
		return value
	}
	return strings.Join(items, ", ")
}

// Origin is where the value of a field comes from that was not only observed.
type Origin struct {
	Field      string
	Origin     string // declared in a file, or edited here
	Value      string
	EditID     int64 // of an edited one, else 0
	PersonID   int64
	Person     string // who edited it
	Reason     string
	DeclaredIn string // file:line of a declared one
	At         time.Time
}

// String says where a value comes from, in words.
func (o Origin) String() string {
	if o.Origin == "declared" {
		return "declared in " + o.DeclaredIn
	}
	return "edited by " + o.Person
}
