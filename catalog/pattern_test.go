package catalog_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"portreeve/catalog"
)

func FuzzMatches(f *testing.F) {
	for _, seed := range [][2]string{
		{"*", ""}, {"", ""}, {"a*", "ab"}, {"*.dlq", "orders.dlq"}, {"a*b*c", "abcbc"}, {"a**", "a"}, {"*a*a*", "aa"}, {"ab*ba", "aba"}, {"__*", "_x"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 60 || len(name) > 200 || !utf8.ValidString(pattern) || !utf8.ValidString(name) {
			return
		}
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		want := regexp.MustCompile(`(?s)\A` + strings.Join(parts, ".*") + `\z`).MatchString(name)
		if got := catalog.MatchesAny([]string{pattern}, name); got != want {
			t.Errorf("matches(%q, %q) = %v, want %v", pattern, name, got, want)
		}
	})
}
