package notify

import (
	"net/url"
	"slices"
	"strings"

	"portreeve/catalog"
	"portreeve/fault"
)

// maxQuery is the length of the longest search that can be watched, in bytes.
const maxQuery = 2000

// SearchTarget brings the query string of a search's address into the one form by which it is watched: order, sorting and
// page do not make it another search. It is Invalid for a search that would find everything.
func SearchTarget(query string) (string, error) {
	values, err := url.ParseQuery(strings.TrimPrefix(query, "?"))
	if err != nil || len(query) > maxQuery {
		return "", fault.Invalidf("/target", "the search cannot be read")
	}
	q := searchOf(values)
	if q.Text == "" && len(q.Filters) == 0 {
		return "", fault.Invalidf("/target", "a search without a word or a filter finds everything: narrow it first")
	}
	kept := url.Values{}
	if q.Text != "" {
		kept.Set("q", q.Text)
	}
	for name, list := range q.Filters {
		kept[name] = slices.Compact(slices.Sorted(slices.Values(list)))
	}
	return kept.Encode(), nil
}

// facets are the filters of a search that an address may hold.
var facets = []string{"kind", "source", "domain", "team", "tag", "status"}

// searchOf reads a search as its page does.
func searchOf(values url.Values) catalog.SearchQuery {
	q := catalog.SearchQuery{Text: strings.TrimSpace(values.Get("q")), Filters: map[string][]string{}}
	for _, name := range facets {
		for _, v := range values[name] {
			if v != "" {
				q.Filters[name] = append(q.Filters[name], v)
			}
		}
	}
	return q
}

// SearchWords writes a watched search as people read it: “fares”, team flight-ops.
func SearchWords(target string) string {
	values, err := url.ParseQuery(target)
	if err != nil {
		return target
	}
	q := searchOf(values)
	var parts []string
	if q.Text != "" {
		parts = append(parts, "“"+q.Text+"”")
	}
	for _, name := range facets {
		if list := q.Filters[name]; len(list) > 0 {
			parts = append(parts, name+" "+strings.Join(list, " or "))
		}
	}
	return strings.Join(parts, ", ")
}
