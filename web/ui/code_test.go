package ui

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lang, text string
		want       []token
	}{
		{"sql", "Select 'it''s' x", []token{{"k", "Select"}, {"", " "}, {"s", "'it'"}, {"s", "'s'"}, {"", " x"}}},
		{"sql", "a--b\n1", []token{{"", "a"}, {"c", "--b"}, {"", "\n"}, {"n", "1"}}},
		{"sql", "{{ ref('x') }}from_x", []token{{"f", "{{ ref('x') }}"}, {"", "from_x"}}},
		{"sql", "/* never ends", []token{{"c", "/* never ends"}}},
		{"json", `{"a\"": "b", "c":true}`, []token{{"", "{"}, {"f", `"a\""`}, {"", ": "}, {"s", `"b"`}, {"", ", "}, {"f", `"c"`}, {"", ":"}, {"k", "true"}, {"", "}"}}},
		{"proto", "message M { // x", []token{{"k", "message"}, {"", " M { "}, {"c", "// x"}}},
	} {
		if diff := cmp.Diff(tt.want, grammars[tt.lang].tokens(tt.text), cmp.AllowUnexported(token{})); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", tt.lang, tt.text, diff)
		}
	}
}

// Whatever a text is, its lines hold all of it and nothing else.
func FuzzLines(f *testing.F) {
	f.Add("sql", "select '\n-- {{ /* \n*/ }} \"x")
	f.Add("json", "{\"a\\\n\": \"")
	f.Add("proto", "'\\")
	f.Add("", "plain\r\n\ntext\n")
	f.Fuzz(func(t *testing.T, lang, text string) {
		var lines []string
		for _, line := range (Code{Lang: lang, Text: text}).lines() {
			var b strings.Builder
			for _, token := range line {
				b.WriteString(token.text)
			}
			lines = append(lines, b.String())
		}
		want := strings.ReplaceAll(text, "\r\n", "\n")
		if got := strings.Join(lines, "\n"); got != want && got+"\n" != want {
			t.Errorf("%q is shown as %q", text, got)
		}
	})
}

func TestCodeBlockEscapes(t *testing.T) {
	t.Parallel()
	doc := draw(t, CodeBlock(Code{ID: "c", Name: "n", Lang: "sql", Text: "'<script>alert(1)</script>' <b>\n"}))
	if doc.Find("script, b").Length() != 0 || doc.Find("li").Text() != "'<script>alert(1)</script>' <b>" || doc.Find("li").Length() != 1 {
		t.Errorf("it reads %q", doc.Find("li").Text())
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return from.Add(time.Duration(hours) * time.Hour) }
	s := Steps{
		Until: at(10), Format: func(float64) string { return "" }, When: func(time.Time) string { return "1 Nov" },
		Data:  []Step{{at(0), 10}, {at(2), 5}, {at(4), math.NaN()}, {at(6), 0}},
		Marks: []time.Time{at(-1), at(5), at(5), at(11)},
	}
	if got, want := s.path(), "M0.0 0.0H200.0V76.0H400.0M600.0 152.0H1000.0"; got != want {
		t.Errorf("the line is %q, want %q", got, want)
	}
	if got := s.marks(); got != "M500.0 152v-8" {
		t.Errorf("marks are %q, want one at 5 h", got)
	}
	if got := s.moments(); len(got) != 1 {
		t.Errorf("one day is named %d times", len(got))
	}
	one := Steps{Until: from, Data: []Step{{from, 3}}, Format: s.Format, When: s.When}
	if got := one.path(); got != "M0.0 0.0H0.0" {
		t.Errorf("a single moment is drawn %q", got)
	}
}

func TestBinaryAxisEndsAtARoundNumber(t *testing.T) {
	t.Parallel()
	for in, want := range map[float64]float64{100 << 20: 100 << 20, 1500: 1536, 900: 1000, 1 << 40: 1 << 40} {
		c := columns(in)
		c.Binary = true
		if got := c.top(); got != want {
			t.Errorf("the axis of %v ends at %v, want %v", in, got, want)
		}
	}
}
