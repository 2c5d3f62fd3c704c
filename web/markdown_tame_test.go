package web

import (
	"bytes"
	"strings"
	"testing"
)

// Whatever is written, what comes of it is no more than a few times as long, and no text makes the parser look at all of it for
// each of its marks.
func TestMarkdownIsBounded(t *testing.T) {
	t.Parallel()
	const size = 64 << 10
	wide := strings.Repeat("|a", 7000) + "|\n" + strings.Repeat("|-", 7000) + "|\n" + strings.Repeat("|b\n", 7000)
	texts := map[string]string{"a wide table": wide, "a long table": "|a|b|\n|-|-|\n" + strings.Repeat("|c|d|\n", size/6)}
	for _, part := range []string{"*a_ ", "[a](", "a**b", "*a*", ">", "> ", "1. ", "- ", "a_", "~a~~", "![", "`", "<a ", "[a](<b"} {
		texts[part] = strings.Repeat(part, size/len(part))
	}
	for name, text := range texts {
		var out bytes.Buffer
		if err := markdown(text).Render(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if out.Len() > 20*len(text) {
			t.Errorf("%s: %d bytes become %d", name, len(text), out.Len())
		}
		if name != "a long table" && tame(text) {
			t.Errorf("%s is parsed", name)
		}
		plainText(text)
	}
}

func TestMarkdownOfOrdinaryTextsIsParsed(t *testing.T) {
	t.Parallel()
	table := "| column | type |\n|---|---|\n" + strings.Repeat("| dep_delay_of_the_flight | `double` |\n", 400)
	for name, text := range map[string]string{
		"prose": strings.Repeat("One row per **flight**, see [the guide](https://example.com) and `dep_delay`.\n", 300), "a table": table,
		"nested lists": "- a\n  - b\n    1. c\n       > d\n", "a list": strings.Repeat("- *one* of_them\n", 500),
	} {
		if !tame(text) {
			t.Errorf("%s is not parsed", name)
		}
	}
}
