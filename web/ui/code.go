package ui

import (
	"context"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
)

// Code is a text with numbered lines. Long lines wrap, and the numbers are not copied with them.
type Code struct {
	ID   string // unique on the page
	Name string // what it is, for those who cannot see it
	Lang string // sql, json or proto are tinted; anything else is plain
	Text string

	Links map[string]string // addresses by name, dots and all, of what the text mentions
}

// link is a piece of plain code that may lead somewhere.
type link struct {
	text, url string
}

// linked splits plain code at the names that lead somewhere. A name is a run of letters, digits, _, $, dots and double quotes,
// which do not count.
func (c Code) linked(text string) []link {
	if len(c.Links) == 0 {
		return []link{{text, ""}}
	}
	var out []link
	plain := 0
	inName := func(r rune) bool { return wordRune(r) || r == '.' || r == '"' || r == '$' }
	for at := 0; at < len(text); {
		n := span(text[at:], inName)
		if n == 0 {
			_, size := utf8.DecodeRuneInString(text[at:])
			at += size
			continue
		}
		if url := c.Links[strings.ReplaceAll(text[at:at+n], `"`, "")]; url != "" {
			out = append(out, link{text[plain:at], ""}, link{text[at : at+n], url})
			plain = at + n
		}
		at += n
	}
	return append(out, link{text[plain:], ""})
}

// tinted is the largest text that is tinted: beyond it the page would weigh more than the colours are worth.
const tinted = 48 << 10

// token is a piece of a line; class is "" for what is not tinted.
type token struct {
	class, text string
}

// lines returns the text as lines of tokens.
func (c Code) lines() [][]token {
	text := strings.ReplaceAll(c.Text, "\r\n", "\n")
	tokens := []token{{"", text}}
	if g, ok := grammars[c.Lang]; ok && len(text) <= tinted {
		tokens = g.tokens(text)
	}
	lines := [][]token{nil}
	for _, t := range tokens {
		for i, part := range strings.Split(t.text, "\n") {
			if i > 0 {
				lines = append(lines, nil)
			}
			if part != "" {
				last := len(lines) - 1
				lines[last] = append(lines[last], token{t.class, part})
			}
		}
	}
	if n := len(lines); n > 1 && lines[n-1] == nil {
		lines = lines[:n-1] // the end of the last line begins none
	}
	return lines
}

// codeLine writes the tokens of a line as they are: between them no space may come into being.
func codeLine(c Code, tokens []token) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		for _, t := range tokens {
			if t.class == "" {
				for _, l := range c.linked(t.text) {
					if l.url == "" {
						b.WriteString(templ.EscapeString(l.text))
						continue
					}
					b.WriteString(`<a href="` + templ.EscapeString(l.url) + `">` + templ.EscapeString(l.text) + `</a>`)
				}
				continue
			}
			b.WriteString(`<span class="tok-` + t.class + `">` + templ.EscapeString(t.text) + `</span>`)
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// grammar is as much of a language as its colours need.
type grammar struct {
	words    map[string]bool // in lower case
	folds    bool            // words are the same in any case
	line     []string        // what begins a comment that goes to the end of the line
	block    [][2]string     // beginnings and ends of comments and templates
	quotes   string          // of texts
	escapes  bool            // a backslash keeps a text from ending
	keyNames bool            // a text before a colon is a name
}

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

var grammars = map[string]grammar{
	"sql": {
		folds: true, line: []string{"--"}, block: [][2]string{{"/*", "*/"}, {"{{", "}}"}, {"{%", "%}"}, {"{#", "#}"}}, quotes: "'",
		words: wordSet(`all and any as asc between by case cast create cross current_date current_timestamp delete desc distinct
			else end except exists extract false filter following for from full group having if in inner insert intersect interval
			into is join lateral left like limit materialized natural not null nulls offset on or order outer over partition
			preceding range recursive replace right row rows select set table then true unbounded union unnest update using values
			view when where window with within`),
	},
	"json": {quotes: `"`, escapes: true, keyNames: true, words: wordSet("true false null")},
	"proto": {
		line: []string{"//"}, block: [][2]string{{"/*", "*/"}}, quotes: `"'`, escapes: true,
		words: wordSet(`bool bytes double enum extend extensions false fixed32 fixed64 float group import int32 int64 map message oneof
			option optional package public repeated required reserved returns rpc service sfixed32 sfixed64 sint32 sint64 stream
			string syntax to true uint32 uint64 weak`),
	},
}

// tokens splits text into what is tinted and what is not. Every byte of text is in one token.
func (g grammar) tokens(text string) []token {
	var out []token
	plain := 0 // where what has not been added begins
	for at := 0; at < len(text); {
		class, n := g.match(text, at)
		if class != "" {
			if at > plain {
				out = append(out, token{"", text[plain:at]})
			}
			out = append(out, token{class, text[at : at+n]})
			plain = at + n
		}
		at += n
	}
	if plain < len(text) {
		out = append(out, token{"", text[plain:]})
	}
	return out
}

// match returns the class and the length of what begins at text[at:], at least one byte.
func (g grammar) match(text string, at int) (class string, n int) {
	rest := text[at:]
	for _, mark := range g.line {
		if strings.HasPrefix(rest, mark) {
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				return "c", i
			}
			return "c", len(rest)
		}
	}
	for _, b := range g.block {
		if strings.HasPrefix(rest, b[0]) {
			class = "c"
			if b[0] == "{{" || b[0] == "{%" {
				class = "f"
			}
			if i := strings.Index(rest[len(b[0]):], b[1]); i >= 0 {
				return class, len(b[0]) + i + len(b[1])
			}
			return class, len(rest)
		}
	}
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case strings.ContainsRune(g.quotes, r):
		n = g.quoted(rest)
		if after := strings.TrimLeft(rest[n:], " \t"); g.keyNames && strings.HasPrefix(after, ":") {
			return "f", n
		}
		return "s", n
	case r >= '0' && r <= '9':
		return "n", span(rest, func(r rune) bool { return wordRune(r) || r == '.' })
	case wordRune(r):
		n = span(rest, wordRune)
		word := rest[:n]
		if g.folds {
			word = strings.ToLower(word)
		}
		if g.words[word] {
			return "k", n
		}
		return "", n
	}
	return "", size
}

// quoted returns the length of the text in quotes that rest begins with. One that does not end goes to the end of its line.
func (g grammar) quoted(rest string) int {
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && g.escapes:
			i++
		case rest[i] == rest[0]:
			return i + 1
		case rest[i] == '\n' && g.escapes:
			return i
		}
	}
	return len(rest)
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func span(s string, in func(rune) bool) int {
	if i := strings.IndexFunc(s, func(r rune) bool { return !in(r) }); i >= 0 {
		return i
	}
	return len(s)
}
