package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"portreeve/catalog"
)

// searchInput is a question to the catalog.
type searchInput struct {
	Q      string   `query:"q" maxLength:"2000" doc:"What to find; understands owner:, tag:, column:, source:, kind:, quotes and minus. Empty finds everything."`
	Kind   []string `query:"kind,explode" maxItems:"50" doc:"Only these kinds. May be repeated; so may the filters below."`
	Source []string `query:"source,explode" maxItems:"50"`
	Domain []string `query:"domain,explode" maxItems:"50"`
	Team   []string `query:"team,explode" maxItems:"50"`
	Tag    []string `query:"tag,explode" maxItems:"50"`
	Status []string `query:"status,explode" maxItems:"50"`
	Sort   string   `query:"sort" enum:"relevance,used,fresh,name" default:"relevance"`
	Paging
}

// query returns the input as the catalog takes it.
func (in *searchInput) query() (catalog.SearchQuery, error) {
	from, err := in.offset()
	q := catalog.SearchQuery{Text: in.Q, Sort: in.Sort, Limit: in.Limit, Offset: from, Filters: map[string][]string{}}
	for name, values := range map[string][]string{
		"kind": in.Kind, "source": in.Source, "domain": in.Domain, "team": in.Team, "tag": in.Tag, "status": in.Status,
	} {
		if len(values) > 0 {
			q.Filters[name] = values
		}
	}
	return q, err
}

// searchAnswer is what was found.
type searchAnswer struct {
	Total         int                     `json:"total"`
	TotalRelation string                  `json:"total_relation" enum:"exact,about" doc:"Whether total and the counts of the facets are exact."`
	TookMS        int64                   `json:"took_ms"`
	Facets        map[string][]facetCount `json:"facets"`
	Suggestion    string                  `json:"suggestion,omitempty" doc:"Another question that finds something."`
	Corrected     string                  `json:"corrected,omitempty" doc:"What was looked for in place of a word that nothing has."`
	Notes         []string                `json:"notes,omitempty" doc:"What of the question was not understood."`
	Items         []searchItem            `json:"items"`
	NextCursor    string                  `json:"next_cursor"`
}

type facetCount struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

type searchItem struct {
	DatasetName
	Kind        string        `json:"kind"`
	Title       string        `json:"title"`
	Description string        `json:"description"`
	Team        string        `json:"team"`
	Domain      string        `json:"domain"`
	Tags        []string      `json:"tags"`
	Certified   bool          `json:"certified"`
	Deprecated  string        `json:"deprecated,omitempty"`
	Gone        bool          `json:"gone"`
	Score       float64       `json:"score"`
	Matched     []searchMatch `json:"matched" doc:"Where the question was found, best first."`
}

type searchMatch struct {
	Field   string `json:"field"`
	Snippet string `json:"snippet"`
	Marks   []mark `json:"marks" doc:"The parts of snippet that matched."`
}

// mark is a part of a snippet.
type mark struct {
	Start int `json:"start" doc:"In bytes of UTF-8."`
	End   int `json:"end"`
}

// search adds GET /api/v1/search.
func (e *endpoints) search() {
	register(e, huma.Operation{
		OperationID: "search", Method: http.MethodGet, Path: "/search", Summary: "Find datasets", Tags: []string{"Catalog"},
	}, readers(), func(ctx context.Context, in *searchInput) (*answer[searchAnswer], error) {
		q, err := in.query()
		if err != nil {
			return nil, err
		}
		found, err := e.Catalog.Search(ctx, q)
		return reply(showSearch(found, q), err)
	})
}

func showSearch(r catalog.SearchResult, q catalog.SearchQuery) searchAnswer {
	out := searchAnswer{
		Total: r.Total, TotalRelation: "exact", TookMS: r.Took.Milliseconds(), Facets: map[string][]facetCount{},
		Suggestion: r.Suggestion, Corrected: r.Corrected, Notes: r.Notes, Items: make([]searchItem, 0, len(r.Items)),
	}
	if r.TotalAbout {
		out.TotalRelation = "about"
	}
	for _, f := range r.Facets {
		counts := make([]facetCount, 0, len(f.Values))
		for _, v := range f.Values {
			counts = append(counts, facetCount{v.Value, v.Count})
		}
		out.Facets[f.Name] = counts
	}
	for i := range r.Items {
		out.Items = append(out.Items, showHit(&r.Items[i]))
	}
	if next := q.Offset + len(r.Items); len(r.Items) == q.Limit && next < r.Total && next <= catalog.MaxOffset {
		out.NextCursor = cursorAt(next)
	}
	return out
}

func showHit(h *catalog.Hit) searchItem {
	item := searchItem{
		DatasetName: DatasetName{h.Source, h.Name}, Kind: string(h.Kind), Title: h.Title, Description: h.Description, Team: h.Team,
		Domain: h.Domain, Tags: orEmpty(h.Tags), Certified: h.Certified, Deprecated: h.Deprecated, Gone: h.GoneAt != nil,
		Score: h.Score, Matched: make([]searchMatch, 0, len(h.Matched)),
	}
	for _, m := range h.Matched {
		item.Matched = append(item.Matched, showMatch(m))
	}
	return item
}

func showMatch(m catalog.Match) searchMatch {
	var text strings.Builder
	out := searchMatch{Field: m.Field, Marks: []mark{}}
	for _, span := range m.Snippet {
		start := text.Len()
		text.WriteString(span.Text)
		if span.Hit {
			out.Marks = append(out.Marks, mark{start, text.Len()})
		}
	}
	out.Snippet = text.String()
	return out
}

// orEmpty makes a list that is not there an empty one: JSON has lists, not null, in our answers.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
