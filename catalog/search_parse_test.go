package catalog

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"portreeve/fault"
)

func TestParseSearch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string // canonical
		clauses          []Clause
	}{
		{"words", " late  flights ", "late flights", []Clause{{Text: "late"}, {Text: "flights"}}},
		{"phrase", `"late  flights" of`, `"late flights" of`, []Clause{{Text: "late flights", Phrase: true}, {Text: "of"}}},
		{"phrase without its end", `of "late fl`, `of "late fl"`, []Clause{{Text: "of"}, {Text: "late fl", Phrase: true}}},
		{"minus", `-test -"old data"`, `-test -"old data"`, []Clause{{Not: true, Text: "test"}, {Not: true, Text: "old data", Phrase: true}}},
		{"minus alone is nothing", "- a --", "a", []Clause{{Text: "a"}}},
		{"minus within a word", "a-b", "a-b", []Clause{{Text: "a-b"}}},
		{"owner is team, and stays as it was typed", "Owner:flight-ops", "owner:flight-ops", []Clause{{Op: "team", As: "owner", Text: "flight-ops"}}},
		{"operators in any case", "Tag:PII Column:id", "tag:PII column:id", []Clause{{Op: "tag", Text: "PII"}, {Op: "column", Text: "id"}}},
		{"operator with a phrase", `domain:"late flights"`, `domain:"late flights"`, []Clause{{Op: "domain", Text: "late flights", Phrase: true}}},
		{"minus operator", "-kind:view", "-kind:view", []Clause{{Not: true, Op: "kind", Text: "view"}}},
		{"unknown operator is a word", "kafka:orders", "kafka:orders", []Clause{{Text: "kafka:orders"}}},
		{"operator without a value is not there yet", "flights team:", "flights", []Clause{{Text: "flights"}}},
		{"states", "is:Certified", "is:certified", []Clause{{Op: "is", Text: "certified"}}},
		{"an unknown state is a word", "is:nice", "is:nice", []Clause{{Text: "is:nice"}}},
		{"nothing", " \t", "", nil},
		{"AND and OR between words", "delay AND flight OR crew", "delay flight crew", []Clause{{Text: "delay"}, {Text: "flight"}, {Text: "crew"}}},
		{
			"AND and OR are words at the ends, in quotes and in small letters", `AND a "OR" or OR`, `AND a "OR" or OR`,
			[]Clause{{Text: "AND"}, {Text: "a"}, {Text: "OR", Phrase: true}, {Text: "or"}, {Text: "OR"}},
		},
		{"NOT is a minus", "a NOT owner:b NOT", "a -owner:b NOT", []Clause{{Text: "a"}, {Not: true, Op: "team", As: "owner", Text: "b"}, {Text: "NOT"}}},
		{"a value may hold a colon", "name:a:b", "name:a:b", []Clause{{Op: "name", Text: "a:b"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q, err := ParseSearch(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.clauses, q.Clauses); diff != "" {
				t.Error(diff)
			}
			if q.String() != tt.want {
				t.Errorf("canonical %q, want %q", q, tt.want)
			}
		})
	}
}

func TestParseSearchRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"too long": strings.Repeat("é", MaxQuestion+1), "not UTF-8": "a\xff", "a NUL": "a\x00b",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ParseSearch(text); fault.KindOf(err) != fault.Invalid {
				t.Errorf("got %v, want Invalid", err)
			}
		})
	}
	if _, err := ParseSearch(strings.Repeat("é", MaxQuestion)); err != nil {
		t.Errorf("the longest is refused: %v", err)
	}
}

func FuzzParseSearch(f *testing.F) {
	for _, s := range []string{
		`late "flights of" -test team:ops`, `"`, `-"`, `- -- -`, `is:live is:x owner:`, "a AND NOT b OR - AND", "NOT NOT -a", "OR: column:a_b -column:Cs", `tag:"a b`, "a\u00a0b", "-tag:\"\"x", `"" :`, "🙂 ß\u0301",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseSearch(text)
		if err != nil {
			if utf8.ValidString(text) && !strings.ContainsRune(text, 0) && utf8.RuneCountInString(text) <= MaxQuestion {
				t.Fatalf("refused %q: %v", text, err)
			}
			return
		}
		canonical := q.String()
		if utf8.RuneCountInString(canonical) > MaxQuestion { // a quote was added to the longest
			return
		}
		again, err := ParseSearch(canonical)
		if diff := cmp.Diff(q.Clauses, again.Clauses); err != nil || diff != "" {
			t.Fatalf("%q: %q reads differently: %v %s", text, canonical, err, diff)
		}
		// Whatever was typed, the keys hold nothing that means something to tsquery.
		a := newAsk(SearchQuery{}, q)
		for _, w := range a.words {
			if strings.ContainsAny(w.text, `'\ :*&|!()<>`) {
				t.Fatalf("%q has the word %q", text, w.text)
			}
		}
		for _, n := range a.narrow {
			if strings.Count(n.query, "'")%2 != 0 || strings.Contains(n.query, `\`) {
				t.Fatalf("%q has the condition %q", text, n.query)
			}
		}
	})
}
