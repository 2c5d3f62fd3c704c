package web

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portreeve/catalog"
)

func TestPartsOfATextLeadToDatasets(t *testing.T) {
	t.Parallel()
	h := &datasetHead{Links: map[string]catalog.Key{"raw.airlines": {Source: "lake", Name: "raw.airlines"}, "a-b.ü_1": {Source: "lake", Name: "a-b.ü_1"}}}
	link := func(name string) textPart {
		return textPart{name, datasetURL(catalog.Key{Source: "lake", Name: name}, "")}
	}
	for _, tt := range []struct {
		name, text string
		want       []textPart
	}{
		{"at the end of a sentence", "Code; see raw.airlines.", []textPart{{Text: "Code; see "}, link("raw.airlines"), {Text: "."}}},
		{"between quotes, twice", "`raw.airlines`, raw.airlines", []textPart{{Text: "`"}, link("raw.airlines"), {Text: "`, "}, link("raw.airlines")}},
		{"a part of a longer name is another name", "raw.airlines.code or xraw.airlines", []textPart{{Text: "raw.airlines.code or xraw.airlines"}}},
		{"what is no dataset", "e.g. 1.5 km", []textPart{{Text: "e.g. 1.5 km"}}},
		{"other letters", "(a-b.ü_1)", []textPart{{Text: "("}, link("a-b.ü_1"), {Text: ")"}}},
		{"nothing", "", nil},
	} {
		if diff := cmp.Diff(tt.want, h.parts(tt.text)); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
}

// Whatever leads somewhere, the text stays as it is.
func TestPartsKeepTheText(t *testing.T) {
	t.Parallel()
	h := &datasetHead{Links: map[string]catalog.Key{"a.b": {}, "a.b.c": {}, "ä.b": {}}}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("ab.c-ä <\xff"))).Draw(t, "text")
		var all strings.Builder
		for _, part := range h.parts(text) {
			all.WriteString(part.Text)
		}
		if all.String() != text {
			t.Fatalf("%q became %q", text, all.String())
		}
	})
}

func TestTextsLinkWhatTheyName(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	lake := flights(s.now)
	lake["marts"][0].Deprecated = "Use clean.flights or marts.none"
	lake["marts"][0].Description = "Mean delay per day, as marts.delays_old had it; see raw.weather."
	lake["marts"][0].Columns[0].Comment = "The day, from <clean.flights>."
	s.crawl(lake)
	for _, tab := range []string{"", "columns", "history", "sample"} {
		doc := s.page(datasetURL(catalog.Key{Source: "lake", Name: "marts.delays_old"}, tab))
		if got := words(doc, ".callout a.named"); got != "clean.flights" {
			t.Errorf("the callout on %q leads to %q, want clean.flights alone", tab, got)
		}
		wantText(t, doc, ".callout", "Deprecated. Use clean.flights or marts.none")
		if got := words(doc, ".head-sub a.named"); got != "raw.weather" {
			t.Errorf("the lead on %q leads to %q, want raw.weather alone: not to itself", tab, got)
		}
	}
	doc := s.page("/d/lake/marts.delays_old/columns")
	wantText(t, doc, "table.columns", "The day, from <clean.flights>.")
	if href := doc.Find("table.columns a.named").AttrOr("href", ""); href != "/d/lake/clean.flights" {
		t.Errorf("the comment of a column leads to %q", href)
	}
}
