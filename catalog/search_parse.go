package catalog

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"portreeve/fault"
)

// MaxQuestion is the most characters of a search text.
const MaxQuestion = 1000

// Question is a search text taken apart.
type Question struct {
	Clauses []Clause // in the order typed
}

// Clause is a word, a phrase or an operator of a Question.
type Clause struct {
	Not    bool   // after a minus: must not be there
	Op     string // "" for text, else one of team, tag, column, name, source, kind, domain, is
	Text   string // what was typed, without quotes; never empty
	Phrase bool   // was in quotes
}

// operators are the words that mean something before a colon.
var operators = map[string]string{
	"owner": "team", "team": "team", "tag": "tag", "column": "column", "name": "name", "source": "source", "kind": "kind",
	"domain": "domain", "is": "is",
}

// states are what is: can ask for; each is a key of the datasets it is true of.
var states = []string{
	"live", "deprecated", "gone", "certified", "uncertified", "documented", "undocumented", "owned", "unowned",
}

// ParseSearch takes a search text apart. Every text is a question: an unknown operator is a word, a missing quote is added,
// an operator without a value is not there yet. Only a text of more than MaxQuestion characters, one that is not UTF-8, or
// one with a NUL is Invalid.
func ParseSearch(text string) (Question, error) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return Question{}, fault.Invalidf("q", "the search is not text")
	}
	if utf8.RuneCountInString(text) > MaxQuestion {
		return Question{}, fault.Invalidf("q", "the search is longer than %d characters", MaxQuestion)
	}
	var q Question
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		if text == "" {
			return q, nil
		}
		var c Clause
		c, text = clause(text)
		if c.Text != "" {
			q.Clauses = append(q.Clauses, c)
		}
	}
}

// clause takes one clause off the front of text, which starts with no space.
func clause(text string) (c Clause, after string) {
	if after, ok := strings.CutPrefix(text, "-"); ok && after != "" && !startsWithSpace(after) {
		c.Not, text = true, after
	}
	if name, value, ok := strings.Cut(text, ":"); ok {
		if op := operators[strings.ToLower(name)]; op != "" {
			v := Clause{Not: c.Not, Op: op}
			v.Text, v.Phrase, after = takeValue(value)
			if op != "is" || slices.Contains(states, strings.ToLower(v.Text)) || v.Text == "" {
				if op == "is" {
					v.Text, v.Phrase = strings.ToLower(v.Text), false
				}
				return v, after
			}
		}
	}
	c.Text, c.Phrase, after = takeValue(text)
	return c, after
}

// takeValue takes a word or a phrase in quotes off the front of s. A phrase that is not closed goes to the end.
func takeValue(s string) (value string, phrase bool, after string) {
	if in, ok := strings.CutPrefix(s, `"`); ok {
		value, after, _ = strings.Cut(in, `"`)
		return strings.Join(strings.Fields(value), " "), true, after
	}
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i], false, s[i:]
	}
	return s, false, ""
}

func startsWithSpace(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(r)
}

// String returns the clause as ParseSearch reads it.
func (c Clause) String() string {
	var b strings.Builder
	if c.Not {
		b.WriteByte('-')
	}
	if c.Op != "" {
		b.WriteString(c.Op + ":")
	}
	if c.Phrase {
		b.WriteString(`"` + c.Text + `"`)
	} else {
		b.WriteString(c.Text)
	}
	return b.String()
}

// String returns the question in its canonical form: ParseSearch makes the same of it.
func (q Question) String() string {
	var parts []string
	for _, c := range q.Clauses {
		parts = append(parts, c.String())
	}
	return strings.Join(parts, " ")
}
