package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// SearchQuery is a question to the catalog. Text may hold operators; see ParseSearch.
type SearchQuery struct {
	Text    string
	Filters map[string][]string // facet name to chosen values: any of the values, all of the facets
	Sort    string              // "" or relevance, used, fresh, name
	Limit   int                 // 1 to 500; 0 is 20
	Offset  int                 // at most MaxOffset
	Teams   []string            // whose restricted datasets may be seen beside those that everyone may see
}

// MaxOffset is how deep the results of a search can be paged.
const MaxOffset = 10_000

// SearchResult is the answer to a SearchQuery.
type SearchResult struct {
	Total       int
	TotalAbout  bool // Total and the facets' counts are estimates
	Took        time.Duration
	Facets      []Facet
	Items       []Hit
	Suggestion  string   // another question, if that finds something that this one does not, or ""
	Corrected   string   // the question with its misspelt words right, if that was answered, or ""
	Interpreted []string // the clauses of the question in canonical form
	Notes       []string // sentences about what of the question was left out or is not known
}

// Facet is a property by which results can be narrowed.
type Facet struct {
	Name   string       // kind, source, domain, team, tag, status
	Values []FacetValue // most results first, the selected among them
}

// FacetValue is one value of a facet and how many of the results have it: of a facet with a selected value, how many
// results there would be with this one instead.
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
	Field   string // name, column, title, description, tag, team, domain, comment (of a column, after its name)
	Snippet []Span
	More    int // further places like this that are not listed
}

// Span is a piece of text, marked where it matched.
type Span struct {
	Text string
	Hit  bool
}

// facetNames are the facets in the order of an answer.
var facetNames = []string{"kind", "source", "domain", "team", "tag", "status"}

// Search finds datasets. A question it cannot read is Invalid.
//
// All words but those that people only ask by should be found; when that leaves fewer than five datasets, those with some of
// the words follow. In order: the exact name, the exact whole name, a name of the same words, an exact column, a name that
// begins with the question, all words in the name, in the path, anywhere; some words; within these by use, documentation,
// owner, certification and freshness. Deprecated ones come after all others that have the words and those that are gone
// last, unless the name is exactly what was asked. A list in another order has only those that are gone last.
func (s *Store) Search(ctx context.Context, q SearchQuery) (SearchResult, error) {
	question, err := ParseSearch(q.Text)
	if err != nil {
		return SearchResult{}, err
	}
	if err := q.check(); err != nil {
		return SearchResult{}, err
	}
	if q.Limit == 0 {
		q.Limit = 20
	}
	a := newAsk(q, question)
	result := SearchResult{}
	for _, c := range question.Clauses {
		result.Interpreted = append(result.Interpreted, c.String())
	}
	tx, err := s.db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return SearchResult{}, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := a.answer(ctx, tx, &result); err != nil {
		return SearchResult{}, fmt.Errorf("search: %w", err)
	}
	return result, nil
}

// check refuses what no page of ours asks.
func (q *SearchQuery) check() error {
	if !slices.Contains([]string{"", "relevance", "used", "fresh", "name"}, q.Sort) {
		return fault.Invalidf("sort", "sort is one of relevance, used, fresh, name")
	}
	if q.Limit < 0 || q.Limit > 500 {
		return fault.Invalidf("limit", "limit is between 1 and 500")
	}
	if q.Offset < 0 || q.Offset > MaxOffset {
		return fault.Invalidf("offset", "only the first %d results can be paged through", MaxOffset)
	}
	for facet := range q.Filters {
		if !slices.Contains(facetNames, facet) {
			return fault.Invalidf(facet, "there is no facet %q", facet)
		}
	}
	return nil
}

// answer fills in the result: the dictionary, what unknown words may mean, the datasets, their details.
func (a *ask) answer(ctx context.Context, tx pgx.Tx, result *SearchResult) error {
	if err := a.lookUp(ctx, tx); err != nil {
		return fmt.Errorf("dictionary: %w", err)
	}
	if err := a.mend(ctx, tx); err != nil {
		return fmt.Errorf("corrections: %w", err)
	}
	found, err := a.find(ctx, tx)
	if err != nil {
		return err
	}
	result.Total, result.TotalAbout = found.total, found.about
	result.Facets = a.facets(found)
	if err := a.describe(ctx, tx, found, result); err != nil {
		return err
	}
	result.Notes = a.notes(found)
	return a.advise(ctx, tx, found, result)
}
