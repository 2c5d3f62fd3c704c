package catalog

import (
	"cmp"
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
	Some    bool     // OR was between them: some of the words are enough
	Notes   []string // sentences about what was left out
}

// Clause is a word, a phrase or an operator of a Question.
type Clause struct {
	Not    bool   // after a minus: must not be there
	Op     string // "" for text, else one of team, tag, column, name, source, kind, domain, is, term
	As     string // the word that was typed for Op where it is another: owner
	Text   string // what was typed, without quotes; never empty
	Phrase bool   // was in quotes
}

// operators are the words that mean something before a colon.
var operators = map[string]string{
	"owner": "team", "team": "team", "tag": "tag", "column": "column", "name": "name", "source": "source", "kind": "kind",
	"domain": "domain", "is": "is", "term": "term",
}

// states are what is: can ask for; each is a key of the datasets it is true of.
var states = []string{
	"live", "deprecated", "gone", "certified", "uncertified", "documented", "undocumented", "owned", "unowned",
	"restricted", "open",
}

// ParseSearch takes a search text apart. Every text is a question: an unknown operator is a word, a missing quote is added,
// an operator without a value is not there yet, a minus alone is nothing. AND and OR between words are left out, NOT is a
// minus for what comes after it. Only a text of more than MaxQuestion characters, one that is not UTF-8, or
// one with a NUL is Invalid.
func ParseSearch(text string) (Question, error) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return Question{}, fault.Invalidf("q", "the search is not text")
	}
	if utf8.RuneCountInString(text) > MaxQuestion {
		return Question{}, fault.Invalidf("q", "the search is longer than %d characters", MaxQuestion)
	}
	var q Question
	not := false
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		if text == "" {
			return q, nil
		}
		var c Clause
		c, text = clause(text)
		c.Not = c.Not || not
		not = false
		switch {
		case c.Text == "":
		case c.lone():
			q.note("A minus alone was left out: write it in front of what must not be there, as in -test.")
		case c.word("NOT") && strings.TrimSpace(text) != "":
			not = true
		case c.word("AND") && q.between(text):
			q.note("AND was left out: all words count anyway.")
		case c.word("OR") && q.between(text):
			q.Some = true
			q.note("OR: what has all of the words comes first, then what has some.")
		default:
			q.Clauses = append(q.Clauses, c)
		}
	}
}

// lone reports whether the clause is a minus without a word.
func (c Clause) lone() bool { return c.Op == "" && !c.Phrase && strings.Trim(c.Text, "-") == "" }

// word reports whether the clause is just this word.
func (c Clause) word(w string) bool { return c.Op == "" && !c.Phrase && !c.Not && c.Text == w }

// between reports whether something was typed before, and something comes after.
func (q *Question) between(after string) bool {
	return len(q.Clauses) > 0 && strings.TrimSpace(after) != ""
}

func (q *Question) note(sentence string) {
	if !slices.Contains(q.Notes, sentence) {
		q.Notes = append(q.Notes, sentence)
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
			if as := strings.ToLower(name); as != op {
				v.As = as
			}
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
		b.WriteString(cmp.Or(c.As, c.Op) + ":")
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
