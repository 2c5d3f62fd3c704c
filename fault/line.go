package fault

import (
	"strings"
	"unicode"
)

// Line returns foreign text as at most limit characters of one line that a terminal and a log show as they are: without
// control characters, such as those of escape sequences, and without those that turn the direction of writing.
func Line(s string, limit int) string {
	if len(s) > 4*limit+1024 { // of which more than limit characters stay, unless it is blank
		s = s[:4*limit+1024]
	}
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > limit {
		s = string(runes[:limit-1]) + "…"
	}
	return s
}
