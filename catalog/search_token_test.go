package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"snake and camel", "fct_BookingPaymentsV2", "fct booking payment v2"},
		{"dots", "lynx.booking.created.v1", "lynx booking created v1"},
		{"capitals in a row", "HTTPRequestOcelots", "http request ocelot"},
		{"capitals only", "FLIGHTS userID", "flight user id"},
		{"a short number belongs to its word", "ga4OcelotSessions", "ga4 ocelot session"},
		{"a long number stands alone", "orders20240131old", "order 20240131 old"},
		{"plurals", "categories boxes addresses status analysis buses gas", "category box address status analysis buse gas"},
		{"accents", "Größe_Émile naïve", "grosse emile naive"},
		{"combining accents", "cafe\u0301s", "cafe"},
		{"other scripts", "売上_Отчёты", "売上 отчёты"},
		{"emoji", "🙂ok", "🙂ok"},
		{"nothing", " -_.'\\", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(texts(tokens(tt.text)), " "); got != tt.want {
				t.Errorf("tokens(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestTokensAreWhereTheySay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		at := 0
		var joined strings.Builder
		for _, k := range tokens(text) {
			if k.start < at || k.end <= k.start || k.raw != cutAt(fold(text[k.start:k.end]), maxToken) {
				t.Fatalf("%+v is not at its place in %q", k, text)
			}
			at = k.end
			joined.WriteString(fold(text[k.start:k.end]))
		}
		if got := cutAt(joined.String(), maxSquash); got != squash(text) {
			t.Fatalf("words of %q make %q, squashed it is %q", text, got, squash(text))
		}
	})
}

func TestSpansKeepTheText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-zA-Zé_ .0-9ß]|ab){0,80}`).Draw(t, "text")
		m := marker{whole: "ab", words: map[string]bool{"ab": true, "abab": true}, begun: "a"}
		got := snippet(text, m.spans(text), 0, len(text))
		if plain(Match{Snippet: got}) != text {
			t.Fatalf("%q became %v", text, got)
		}
		for i, s := range got {
			if s.Text == "" || i > 0 && s.Hit == got[i-1].Hit {
				t.Fatalf("%q is not in as few pieces as possible: %v", text, got)
			}
			if s.Hit && !strings.Contains(fold(s.Text), "a") {
				t.Fatalf("%q is marked in %q", s.Text, text)
			}
		}
	})
}

func TestMatchesSayWhere(t *testing.T) {
	t.Parallel()
	q, err := ParseSearch("payment amo")
	if err != nil {
		t.Fatal(err)
	}
	m := newAsk(SearchQuery{}, q).marker()
	d := Dataset{
		Kind: Table, Name: "fin.booking_payments", Tags: []string{"money", "payment-data"}, Team: "payments",
		Description: strings.Repeat("Nothing to see here. ", 20) + "One row per payment attempt, with its amount. " + strings.Repeat("More text. ", 40),
	}
	var columns []Column
	for _, path := range []string{"amount", "payment_id", "id", "old_payment_amount", "payments", "amort"} {
		columns = append(columns, Column{Path: path})
	}
	var got []string
	for _, x := range m.matches(&d, columns) {
		var b strings.Builder
		for _, s := range x.Snippet {
			if s.Hit {
				b.WriteString("[" + s.Text + "]")
			} else {
				b.WriteString(s.Text)
			}
		}
		text := b.String()
		if x.Field == "description" {
			if len(text) > excerpt+20 || !strings.HasPrefix(text, "…") || !strings.HasSuffix(text, "…") {
				t.Errorf("excerpt of %d bytes: %q", len(text), text)
			}
			text = text[strings.Index(text, "One"):strings.Index(text, " More")]
		}
		got = append(got, x.Field+" "+text+strings.Repeat("+", x.More))
	}
	want := []string{
		"name fin.booking_[payments]", "column old_[payment]_[amo]unt", "column [payments]", "column [payment]_id++",
		"description One row per [payment] attempt, with its [amo]unt.", "tag [payment]-data", "team [payments]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSuccessorEndsTheRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, tail := rapid.StringN(1, 8, -1).Draw(t, "s"), rapid.String().Draw(t, "tail")
		if next := successor(s); s+tail >= next && next != string(rune(0x10FFFF)) {
			t.Fatalf("%q is not before %q", s+tail, next)
		}
	})
}

func TestEditsAreOneLetterAway(t *testing.T) {
	t.Parallel()
	got := edits("zebra")
	for _, w := range []string{"ebra", "zebr", "zerba", "ezbra", "zebras", "azebra", "zabra", "debra"} {
		if !slices.Contains(got, w) {
			t.Errorf("%s is missing", w)
		}
	}
	if slices.Contains(got, "zebra") || edits("cat") != nil || edits("ga4x") != nil {
		t.Error("the word itself, short words and words with digits have no corrections")
	}
}
