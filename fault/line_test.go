package fault_test

import (
	"strings"
	"testing"

	"portreeve/fault"
)

func TestLineIsSafeToShow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         "",
		" a\n\tb\r\n":              "a b",
		"\x1b[1mred\x1b]0;t\x07":   "[1mred ]0;t",
		"a\u202eb\u009b2Jc":        "a b 2Jc",
		"Grüße 數據":                 "Grüße 數據",
		"a\xffb":                   "a\uFFFDb",
		strings.Repeat("é", 13):    strings.Repeat("é", 11) + "…",
		strings.Repeat("x", 1<<20): strings.Repeat("x", 11) + "…",
	} {
		if got := fault.Line(text, 12); got != want {
			t.Errorf("Line(%.40q) = %q, want %q", text, got, want)
		}
	}
}
