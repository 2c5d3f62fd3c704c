package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"portreeve/catalog"
	"portreeve/web/ui"
)

// scopesShown is how many parts of a source stand on one page, and from how many on they can be filtered.
const (
	scopesShown = 50
	scopesMany  = 20
)

// scopeList is the parts of a source that a page shows: those that could not be read first.
type scopeList struct {
	slug     string
	kind     string
	All      int // of the source
	Troubled int // of the source
	Failed   int // datasets of parts that were listed
	failures map[string]scopeFailures
	Filter   string
	Found    int // that the filter lets through
	Offset   int
	Shown    []catalog.Scope
}

func newScopeList(src *catalog.Source, all []catalog.Scope, q url.Values) scopeList {
	l := scopeList{slug: src.Slug, kind: src.Kind, All: len(all), Filter: cut(strings.TrimSpace(q.Get("scope")), 200)}
	var found []catalog.Scope
	for _, s := range all {
		if s.Problem != "" {
			l.Troubled++
		}
		if strings.Contains(strings.ToLower(s.Name), strings.ToLower(l.Filter)) {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b catalog.Scope) int {
		switch {
		case (a.Problem == "") == (b.Problem == ""):
			return 0
		case a.Problem != "":
			return -1
		}
		return 1
	})
	l.Found = len(found)
	if from, err := strconv.Atoi(q.Get("from")); err == nil && from > 0 && from < l.Found {
		l.Offset = from
	}
	l.Shown = found[l.Offset:min(l.Found, l.Offset+scopesShown)]
	return l
}

// scopeFailures are the datasets of a part that the last crawl could not read.
type scopeFailures struct {
	all     int
	unknown int // never read before: not among the part's datasets
}

// count notes which datasets of the parts could not be read. known are those of them that the catalog has.
func (l *scopeList) count(errors []catalog.CrawlError, known map[string]catalog.Key) {
	l.failures = map[string]scopeFailures{}
	for _, e := range errors {
		if e.Name == "" {
			continue
		}
		f := l.failures[e.Scope]
		f.all++
		if _, is := known[e.Name]; !is {
			f.unknown++
		}
		l.failures[e.Scope] = f
		l.Failed++
	}
}

// failed says how many datasets of a part could not be read, or "".
func (l scopeList) failed(s *catalog.Scope) string {
	f := l.failures[s.Name]
	switch {
	case f.all == 0:
		return ""
	case l.Failed >= errorsShown: // there may be more
		return "at least " + number(int64(f.all)) + " failed"
	}
	return number(int64(f.all)) + " of " + number(int64(max(f.all, s.Datasets+f.unknown))) + " failed"
}

// url returns the address of the page with the same filter from offset on.
func (l scopeList) url(offset int) string {
	q := url.Values{}
	if l.Filter != "" {
		q.Set("scope", l.Filter)
	}
	if offset > 0 {
		q.Set("from", strconv.Itoa(offset))
	}
	if len(q) == 0 {
		return sourceURL(l.slug)
	}
	return sourceURL(l.slug) + "?" + q.Encode()
}

// here is the address of what is shown now.
func (l scopeList) here() string { return l.url(l.Offset) }

func (l scopeList) pager() ui.Pager {
	p := ui.Pager{Summary: plural(l.Found, "part", "parts")}
	if l.Found > scopesShown {
		p.Summary = number(int64(l.Offset+1)) + "–" + number(int64(l.Offset+len(l.Shown))) + " of " + p.Summary
	}
	if l.Offset > 0 {
		p.Previous = l.url(max(0, l.Offset-scopesShown)) + "#h-scopes"
	}
	if l.Offset+len(l.Shown) < l.Found {
		p.Next = l.url(l.Offset+scopesShown) + "#h-scopes"
	}
	return p
}

// state says in words how the parts of the source were read.
func (l scopeList) state() string {
	switch {
	case l.Troubled > 0:
		return number(int64(l.Troubled)) + " of " + number(int64(l.All)) + " could not be read"
	case l.Failed > 0:
		return plural(l.Failed, "dataset", "datasets") + " could not be read"
	case l.All > 0:
		return "all " + number(int64(l.All)) + " read"
	}
	return ""
}

// flat reports whether a kind of source has no schemas: its parts are how it is read, not where its datasets are.
func flat(kind string) bool { return slices.Contains([]string{"kafka", "schemaregistry", "dbt"}, kind) }

// scopesTitle is what the parts of a source are called.
func scopesTitle(kind string) string {
	if flat(kind) {
		return "Parts"
	}
	return "Schemas"
}

// scopeURL returns the address of the datasets of a source's part.
func scopeURL(slug, kind, scope string) string {
	if flat(kind) {
		return schemaURL(slug, "")
	}
	return schemaURL(slug, scope)
}

// datasetErrors are the errors of the newest crawl that the table of parts does not show: those of single datasets, and of
// parts that are not known.
func (p sourcePage) datasetErrors() []catalog.CrawlError {
	var errors []catalog.CrawlError
	for _, e := range p.Errors {
		if e.Name != "" || !slices.ContainsFunc(p.Scopes.Shown, func(s catalog.Scope) bool { return s.Name == e.Scope }) {
			errors = append(errors, e)
		}
	}
	return errors
}
