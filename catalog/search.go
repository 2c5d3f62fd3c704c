package catalog

import (
	"context"
	"time"
)

// SearchQuery is a question to the catalog. Text may hold operators; see ParseSearch.
type SearchQuery struct {
	Text    string
	Filters map[string][]string // facet name to chosen values: any of the values, all of the facets
	Sort    string              // "" or relevance, used, fresh, name
	Limit   int                 // 1 to 500; 0 is 20
	Offset  int
}

// SearchResult is the answer to a SearchQuery.
type SearchResult struct {
	Total       int
	TotalAbout  bool // Total and the facets' counts are estimates
	Took        time.Duration
	Facets      []Facet
	Items       []Hit
	Suggestion  string // a spelling that finds something, or ""
	Interpreted []string
}

// Facet is a property by which results can be narrowed.
type Facet struct {
	Name   string // kind, source, domain, team, tag, status
	Values []FacetValue
}

// FacetValue is one value of a facet and how many of the results have it.
type FacetValue struct {
	Value    string
	Count    int
	Selected bool
}

// Hit is a dataset found and why.
type Hit struct {
	Dataset
	Score   float64
	Matched []Match // best first
}

// Match is a place where the question was found.
type Match struct {
	Field   string // name, column, description, tag, team …
	Snippet []Span
}

// Span is a piece of text, marked where it matched.
type Span struct {
	Text string
	Hit  bool
}

// Search finds datasets. A question it cannot read is Invalid.
func (s *Store) Search(ctx context.Context, q SearchQuery) (SearchResult, error) {
	return SearchResult{}, nil
}
