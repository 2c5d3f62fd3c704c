package catalog

import (
	"math"
	"slices"
	"strings"
)

// ask is a question on its way to an answer.
type ask struct {
	SearchQuery
	question Question
	words    []word
	polite   []string           // words like "data" that are left out, unless they tell equals apart
	whole    string             // letters and digits of all words together: what a name would be
	ends     []string           // what the name's last part may be
	column   string             // the key of a column called whole
	narrow   []narrowing        // filters and operators
	phrases  []string           // letters and digits that must be there in one piece
	barred   []string           // and those that must not
	within   []inside           // columns that must be there
	without  []inside           // and those that must not
	runs     []string           // letters and digits that column: looks for
	counts   map[string]counted // of the dictionary
	datasets float64            // in the index, about
}

// counted is how many datasets have a word, and how many in the name.
type counted struct{ DF, NDF int }

// narrowing is a condition beside the words.
type narrowing struct {
	facet string   // the facet it is a choice of, or "" of an operator
	query string   // in the language of tsquery
	keys  []string // those any of which satisfies it; empty of a negation
}

// word is a word of the question and what it may stand for.
type word struct {
	text   string
	exact  bool // in quotes: stands for itself
	last   bool // maybe unfinished
	known  counted
	others []meaning
	joined string // what it and the next word are when written as one, if that is in use
}

// meaning is what a word may stand for beside itself: all of parts and one of tails.
type meaning struct {
	how   how
	parts []string
	tails []string
	count counted
}

type how uint8

const (
	completion how = iota
	cut            // the words that are glued together in it
	correction
)

// newAsk reads the operators and words of a question.
func newAsk(q SearchQuery, question Question) *ask {
	a := &ask{SearchQuery: q, question: question, counts: map[string]counted{}}
	var said []string
	for _, c := range question.Clauses {
		switch {
		case c.Op != "":
			a.operator(c)
		case c.Not:
			a.bar(c)
		default:
			said = append(said, c.Text)
			a.say(c)
		}
	}
	if n := len(question.Clauses); n > 0 && len(a.words) > 0 {
		w := &a.words[len(a.words)-1]
		w.last = !w.exact
	}
	a.dropLittle()
	a.whole = squash(strings.Join(said, " "))
	if a.whole != "" {
		last := said[len(said)-1]
		core := strings.Join(wordTexts(a.words), "")
		a.ends = []string{a.whole, squash(last[strings.LastIndexAny(last, "./")+1:]), core, core + "s"}
		a.column = lexeme("c/" + a.whole)
	}
	for _, facet := range slices.Sorted(keysOf(q.Filters)) {
		a.choose(facet, q.Filters[facet])
	}
	return a
}

func keysOf(m map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// say adds the words of a clause.
func (a *ask) say(c Clause) {
	found := tokens(c.Text)
	for _, t := range found {
		a.words = append(a.words, word{text: t.text, exact: c.Phrase})
	}
	if c.Phrase && len(found) > 1 {
		a.phrases = append(a.phrases, squash(c.Text))
	}
}

// bar adds a clause after a minus.
func (a *ask) bar(c Clause) {
	found := tokens(c.Text)
	switch {
	case len(found) == 0:
	case c.Phrase && len(found) > 1:
		a.barred = append(a.barred, squash(c.Text))
	default:
		a.narrow = append(a.narrow, narrowing{query: "!" + allOf(lexemes("", texts(found)))})
	}
}

func wordTexts(words []word) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.text
	}
	return out
}

func texts(found []token) []string {
	out := make([]string, len(found))
	for i, t := range found {
		out[i] = t.text
	}
	return out
}

// operator adds the condition of an operator. One for a facet needs the exact value, column: words that follow each other in
// a column's name, name: words of the name; the last of these may be unfinished.
func (a *ask) operator(c Clause) {
	var n narrowing
	switch key := squash(c.Text); {
	case c.Op == "column" && key != "":
		a.inColumn(c, key)
		return
	case c.Op == "name" && key != "":
		found := texts(tokens(c.Text))
		n.keys, n.query = []string{"n/" + found[0]}, strings.Join(lexemes("n/", found), " & ")
		if len(found[len(found)-1]) >= 3 && !c.Phrase {
			n.query += ":*"
		}
		n.query = "(" + n.query + ")"
	case c.Op == "column", c.Op == "name":
		return
	default:
		n.keys = []string{facetKey(c.Op, c.Text)}
		n.query = lexeme(n.keys[0])
	}
	if c.Not {
		n.query, n.keys = "!"+n.query, nil
	}
	a.narrow = append(a.narrow, n)
}

// inColumn adds the condition of column:. A column that begins so has a key that does; that it is further inside takes all
// of its words, and a look at the keys of each dataset that has them.
func (a *ask) inColumn(c Clause, key string) {
	found := tokens(c.Text)
	last, words := found[len(found)-1], lexemes("", texts(found))
	one := strings.TrimSuffix(key, last.raw) + last.text // delays: also delay
	either := one
	if !strings.HasPrefix(key, one) { // categories: category
		either = "(" + key + "|" + one + ")"
	}
	begins := []string{lexeme("c/" + key), lexeme("c/" + one)}
	if c.Phrase {
		begins, words, one = begins[:1], nil, key
	} else if len(one) >= 4 {
		begins[0], begins[1], words[len(words)-1] = begins[0]+":*", begins[1]+":*", words[len(words)-1]+":*"
	}
	has := inside{anyOf(append(slices.Clone(begins), allOf(words))), anyOf(begins), "'c/[^']*" + either}
	if c.Phrase {
		has.pattern = "'c/" + key + "'"
	}
	a.runs = append(a.runs, key, one)
	if c.Not {
		a.without = append(a.without, has)
		return
	}
	a.within = append(a.within, has)
	a.narrow = append(a.narrow, narrowing{query: has.query, keys: []string{"c/" + key, found[0].text}})
}

// inside is a condition on columns' names.
type inside struct {
	query   string // in the language of tsquery, of what may have it
	sure    string // and of what has it
	pattern string // a regular expression of the keys of what has it
}

// choose adds the condition of the chosen values of a facet: any of them.
func (a *ask) choose(facet string, values []string) {
	n := narrowing{facet: facet}
	for _, v := range values {
		n.keys = append(n.keys, facetKey(keyOf(facet), v))
	}
	if len(n.keys) > 0 {
		n.query = anyOf(lexemes("", n.keys))
		a.narrow = append(a.narrow, n)
	}
}

// keyOf returns what the keys of a facet begin with.
func keyOf(facet string) string {
	if facet == "status" {
		return "is"
	}
	return facet
}

// must returns the condition beside the words, without the choice of one facet.
func (a *ask) must(without string) string {
	var parts []string
	for _, n := range a.narrow {
		if without == "" || n.facet != without {
			parts = append(parts, n.query)
		}
	}
	return allOf(parts)
}

// share returns the part of all datasets that satisfies the narrowings, as if they were independent.
func (a *ask) share(without string) float64 {
	share := 1.0
	for _, n := range a.narrow {
		if len(n.keys) == 0 || (without != "" && n.facet == without) {
			continue
		}
		some := 0.0
		for _, k := range n.keys {
			if c, ok := a.counts[k]; ok {
				some += float64(c.DF)
			} else {
				some += 50 // not counted yet, or too rare
			}
		}
		share *= min(1, some/a.datasets)
	}
	return share
}

// expect returns how many datasets are likely to have all words, in their names or anywhere: the words of a question go
// together, so each further one, from the rarest, counts with the square root of the one before.
func (a *ask) expect(inName bool) float64 {
	shares := make([]float64, len(a.words))
	for i, w := range a.words {
		shares[i] = min(1, max(1, w.count(inName))/a.datasets)
	}
	slices.Sort(shares)
	m, power := a.datasets, 1.0
	for _, s := range shares {
		m *= math.Pow(s, power)
		power /= 2
	}
	return m
}

// count returns how many datasets are likely to have the word or what it may stand for.
func (w word) count(inName bool) float64 {
	n := w.known.of(inName)
	for _, o := range w.others {
		n += o.count.of(inName)
	}
	return float64(n)
}

func (c counted) of(inName bool) int {
	if inName {
		return c.NDF
	}
	return c.DF
}

// said returns the condition that all words are there, with "n/" in the name. Whole words only leaves out completions and
// corrections.
func (a *ask) said(prefix string, wholeOnly bool) string {
	var parts []string
	for i := 0; i < len(a.words); i++ {
		q := a.words[i].query(prefix, wholeOnly)
		if j := a.words[i].joined; j != "" {
			i++
			q = anyOf([]string{allOf([]string{q, a.words[i].query(prefix, wholeOnly)}), lexeme(prefix + j)})
		}
		parts = append(parts, q)
	}
	return allOf(parts)
}

func (w word) query(prefix string, wholeOnly bool) string {
	any := []string{lexeme(prefix + w.text)}
	for _, o := range w.others {
		if wholeOnly && o.how != cut {
			continue
		}
		all := lexemes(prefix, o.parts)
		if len(o.tails) > 0 {
			all = append(all, anyOf(lexemes(prefix, o.tails)))
		}
		any = append(any, allOf(all))
	}
	return anyOf(any)
}

// pattern returns a regular expression that finds the word, or one that it may stand for, among letters and digits.
func (w word) pattern() string {
	any := []string{w.text}
	for _, o := range w.others {
		if len(o.parts) == 1 && len(o.tails) == 0 {
			any = append(any, o.parts[0])
		}
	}
	return strings.Join(any, "|")
}

// anywhere returns the condition that a dataset answers the whole question but for the narrowings.
func (a *ask) anywhere() string {
	if len(a.words) == 0 {
		return ""
	}
	return anyOf([]string{a.said("", false), a.column})
}

// weight returns how much it says that a dataset has the word.
func (a *ask) weight(w word) float64 {
	return max(.1, math.Log(a.datasets/max(1, w.count(false))))
}

// unknown reports whether nothing is called like the word.
func (w word) unknown() bool { return w.known.DF == 0 && len(w.others) == 0 && w.joined == "" }

// lexeme returns a key as tsquery reads it. Keys hold no quotes and no backslashes: see tokens and slug.
func lexeme(key string) string { return "'" + key + "'" }

func lexemes(prefix string, keys []string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = lexeme(prefix + k)
	}
	return out
}

func allOf(parts []string) string { return combine(parts, " & ") }
func anyOf(parts []string) string { return combine(parts, " | ") }

// combine leaves out empty parts; of none it makes "".
func combine(parts []string, by string) string {
	parts = slices.DeleteFunc(slices.Clone(parts), func(s string) bool { return s == "" })
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return "(" + strings.Join(parts, by) + ")"
}
