package catalog

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

const (
	completions   = 16   // of an unfinished word
	fewCompletion = 4    // of one that is common as it stands: each completion costs a posting list
	commonWord    = 2000 // datasets
	rareName      = 5    // names: a word in fewer may be glued of several
	rareWord      = 50   // datasets
	maxGlued      = 48   // bytes of a word that may be glued
	maxPart       = 24   // bytes of a part of one

	minAbbreviation = 3 // bytes of a word cut short
	minUnnamed      = 4 // bytes of a part that is in no name
)

// lookUp reads what the dictionary knows of the question's words and narrowings.
func (a *ask) lookUp(ctx context.Context, tx pgx.Tx) error {
	const settings = `SELECT set_config(name, value, true) FROM (VALUES ('work_mem', '64MB'), ('jit', 'off'), ('enable_seqscan', 'off'),
		('max_parallel_workers_per_gather', '0'), ('plan_cache_mode', 'force_custom_plan')) AS v (name, value)`
	const size = `SELECT greatest(t.datasets, c.reltuples, 1)::float8 FROM search_tier t, pg_class c WHERE c.oid = 'search'::regclass`
	const known = `SELECT term, df, ndf FROM term WHERE term = ANY ($1::text[])`
	var b pgx.Batch
	b.Queue(settings)
	b.Queue(size).QueryRow(func(row pgx.Row) error { return row.Scan(&a.datasets) })
	b.Queue(known, a.keys()).Query(a.scanCounts)
	var begun []term
	if last := a.unfinished(); last != nil {
		q, args := completionsOf(last.text)
		b.Queue(q, args).Query(func(rows pgx.Rows) (err error) {
			begun, err = pgx.CollectRows(rows, pgx.RowToStructByPos[term])
			return err
		})
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	a.settle(begun)
	return nil
}

// term is a row of the dictionary.
type term struct {
	Term string
	counted
}

func (a *ask) scanCounts(rows pgx.Rows) error {
	var t term
	_, err := pgx.ForEachRow(rows, []any{&t.Term, &t.DF, &t.NDF}, func() error {
		if t.DF > 0 {
			a.counts[t.Term] = t.counted
		}
		return nil
	})
	return err
}

// keys returns the dictionary entries that the plan depends on.
func (a *ask) keys() []string {
	keys := []string{everything, "c/" + a.whole}
	for i, w := range a.words {
		keys = append(keys, w.text)
		if i > 0 {
			keys = append(keys, joints(a.words[i-1].text, w.text)...)
		}
	}
	for _, n := range a.narrow {
		keys = append(keys, n.keys...)
	}
	return keys
}

// joints returns what two words are when written as one, the second maybe cut short: tailnumber … tailnum.
func joints(first, second string) []string {
	out := []string{first + second}
	for n := len(second) - 1; n >= minAbbreviation && len(first) >= minAbbreviation; n-- {
		if utf8.RuneStart(second[n]) {
			out = append(out, first+second[:n])
		}
	}
	return out
}

// unfinished returns the word that is being typed, or nil.
func (a *ask) unfinished() *word {
	if n := len(a.words); n > 0 && a.words[n-1].last {
		return &a.words[n-1]
	}
	return nil
}

// completionsOf asks for the words that begin with s, the commonest in names first. Short beginnings have an index each,
// which gives the first few without reading the rest.
func completionsOf(s string) (string, pgx.NamedArgs) {
	args := pgx.NamedArgs{"s": s, "after": successor(s)}
	const order = ` ORDER BY ndf DESC LIMIT 24`
	switch utf8.RuneCountInString(s) {
	case 1:
		return `SELECT term, df, ndf FROM term WHERE left(term, 1) = @s AND ndf > 0` + order, args
	case 2:
		return `SELECT term, df, ndf FROM term WHERE left(term, 2) = @s AND ndf > 0` + order, args
	case 3:
		return `SELECT term, df, ndf FROM term WHERE left(term, 3) = @s AND ndf > 0` + order, args
	}
	return `SELECT term, df, ndf FROM term WHERE term >= @s AND term < @after AND df > 0 ORDER BY ndf DESC, df DESC LIMIT 24`, args
}

// successor returns the least string that is greater, byte by byte, than all that begin with s.
func successor(s string) string {
	for b := []byte(s); len(b) > 0; b = b[:len(b)-1] {
		r, n := utf8.DecodeLastRune(b)
		b = b[:len(b)-n]
		if next := r + 1; r < utf8.MaxRune {
			if next == 0xD800 { // surrogates are no characters
				next = 0xE000
			}
			return string(utf8.AppendRune(b, next))
		}
		b = append(b, 0)
	}
	return string(utf8.MaxRune)
}

// settle gives each word its counts and the last its completions.
func (a *ask) settle(begun []term) {
	joined := false
	for i := range a.words {
		w := &a.words[i]
		w.known = a.counts[w.text]
		if i+1 < len(a.words) && !joined && !w.exact && !a.words[i+1].exact {
			for _, j := range joints(w.text, a.words[i+1].text) {
				if a.counts[j].DF > 0 {
					w.joined = j
					break
				}
			}
		}
		joined = w.joined != ""
	}
	w := a.unfinished()
	if w == nil {
		return
	}
	limit := completions
	if w.known.DF > commonWord {
		limit = fewCompletion
	}
	for _, t := range begun {
		if t.Term != w.text && len(w.others) < limit {
			w.others = append(w.others, meaning{how: completion, parts: []string{t.Term}, count: t.counted})
		}
	}
}

// mend finds what words may mean that are in hardly any name: several words glued together, of which the last may be
// unfinished, and, when nothing at all is called so, a word with one letter wrong.
func (a *ask) mend(ctx context.Context, tx pgx.Tx) error {
	ask := map[string]bool{}
	var tails []string
	for _, w := range a.words {
		if !w.suspect() {
			continue
		}
		for _, p := range pieces(w.text) {
			ask[p], ask[singular(p)] = true, true
		}
		if w.misspelt() {
			for _, e := range edits(w.text) {
				ask[e] = true
			}
		}
		if w.last {
			tails = endings(w.text)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	found, begun, err := a.readPieces(ctx, tx, slices.Collect(maps.Keys(ask)), tails)
	if err != nil {
		return err
	}
	for i := range a.words {
		w := &a.words[i]
		if !w.suspect() {
			continue
		}
		misspelt := w.misspelt()
		if m, ok := a.cutUp(*w, found, begun); ok {
			w.others = append(w.others, m)
			w.others = append(w.others, m.shortened(w.text, found)...)
		}
		if misspelt {
			w.correct(found)
		}
	}
	return nil
}

// suspect reports whether the word is in so few names that it may be glued or wrong.
func (w word) suspect() bool {
	return !w.exact && len(w.text) >= 4 && w.known.NDF < rareName && w.known.DF < rareWord
}

// misspelt reports whether nothing is called so or begins so.
func (w word) misspelt() bool { return w.known.DF == 0 && w.count(false) < rareName }

func (a *ask) readPieces(ctx context.Context, tx pgx.Tx, ask, tails []string) (map[string]counted, map[string][]term, error) {
	const known = `SELECT term, df, ndf FROM term WHERE term = ANY ($1::text[])`
	const begin = `
SELECT s.s, t.term, t.df, t.ndf FROM unnest($1::text[]) AS s (s), LATERAL (
	SELECT term, df, ndf FROM term
	WHERE left(term, 3) = left(s.s, 3) AND ndf > 0 AND starts_with(term, s.s) ORDER BY ndf DESC LIMIT 8) t`
	found, begun := map[string]counted{}, map[string][]term{}
	var b pgx.Batch
	var t term
	b.Queue(known, ask).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&t.Term, &t.DF, &t.NDF}, func() error {
			if t.DF > 0 {
				found[t.Term] = t.counted
			}
			return nil
		})
		return err
	})
	if len(tails) > 0 {
		b.Queue(begin, tails).Query(func(rows pgx.Rows) error {
			var s string
			_, err := pgx.ForEachRow(rows, []any{&s, &t.Term, &t.DF, &t.NDF}, func() error {
				begun[s] = append(begun[s], t)
				return nil
			})
			return err
		})
	}
	return found, begun, tx.SendBatch(ctx, &b).Close()
}

// pieces returns what a glued word may be made of.
func pieces(w string) []string {
	if len(w) > maxGlued {
		return nil
	}
	var out []string
	for i := range w {
		for j := i + 2; j <= min(len(w), i+maxPart); j++ {
			if j == len(w) || utf8.RuneStart(w[j]) {
				out = append(out, w[i:j])
			}
		}
	}
	return out
}

// endings returns what the unfinished last part of a glued word may be.
func endings(w string) []string {
	if len(w) > maxGlued {
		return nil
	}
	var out []string
	for i := range w {
		if i >= 2 && utf8.RuneCountInString(w[i:]) >= 3 {
			out = append(out, w[i:])
		}
	}
	return out
}

// cutUp finds the likeliest words that make up w: the least Σ log(datasets/names), so that three common words win over two
// of which one is a freak.
func (a *ask) cutUp(w word, found map[string]counted, begun map[string][]term) (meaning, bool) {
	type best struct {
		cost float64
		from int
		part string
	}
	at := make([]best, len(w.text)+1)
	for i := range at {
		at[i].cost = math.Inf(1)
	}
	at[0].cost = 0
	cost := func(names float64) float64 { return math.Log(a.datasets/names) + .5 }
	named := func(part string) float64 {
		c := found[part]
		if c.NDF == 0 && len(part) >= minUnnamed { // of a column or description: worth little
			return float64(c.DF) / 20
		}
		return float64(c.NDF)
	}
	for j := 2; j <= len(w.text); j++ {
		for i := max(0, j-maxPart); i <= j-2; i++ {
			part := singular(w.text[i:j])
			if n := named(part); n > 0 && part != w.text && at[i].cost+cost(n) < at[j].cost {
				at[j] = best{at[i].cost + cost(n), i, part}
			}
		}
	}
	end, cheapest, m := len(w.text), at[len(w.text)].cost, meaning{how: cut}
	for tail, terms := range begun {
		names := 0.
		for _, t := range terms {
			names += float64(t.NDF)
		}
		i := len(w.text) - len(tail)
		if !w.last || i <= 0 { // tails are of the last word, which alone may be unfinished
			continue
		}
		if c := at[i].cost + cost(names); c < cheapest {
			end, cheapest, m.tails = i, c, nil
			for _, t := range terms {
				m.tails = append(m.tails, t.Term)
			}
		}
	}
	if math.IsInf(cheapest, 1) {
		return meaning{}, false
	}
	m.count = counted{math.MaxInt32, math.MaxInt32}
	for ; end > 0; end = at[end].from {
		p := at[end].part
		m.parts = append(m.parts, p)
		m.count = counted{min(m.count.DF, found[p].DF), min(m.count.NDF, found[p].NDF)}
	}
	slices.Reverse(m.parts)
	return m, len(m.parts)+min(1, len(m.tails)) > 1
}

// shortened returns words that are w with the last of its parts cut short: tailnum for tailnumber.
func (m meaning) shortened(w string, found map[string]counted) []meaning {
	last := m.parts[len(m.parts)-1]
	first, ok := strings.CutSuffix(w, last)
	if !ok || len(m.tails) > 0 {
		return nil
	}
	var out []meaning
	for _, short := range joints(first, last)[1:] {
		if c, ok := found[short]; ok {
			out = append(out, meaning{how: cut, parts: []string{short}, count: c})
		}
	}
	return out
}

// correct adds the commonest words with one letter missing, too many, wrong or swapped.
func (w *word) correct(found map[string]counted) {
	var near []meaning
	for _, e := range edits(w.text) {
		if c, ok := found[e]; ok {
			near = append(near, meaning{how: correction, parts: []string{e}, count: c})
		}
	}
	slices.SortFunc(near, func(x, y meaning) int {
		return cmp.Or(cmp.Compare(y.count.NDF, x.count.NDF), cmp.Compare(y.count.DF, x.count.DF), cmp.Compare(x.parts[0], y.parts[0]))
	})
	near = slices.CompactFunc(near, func(x, y meaning) bool { return x.parts[0] == y.parts[0] })
	w.others = append(w.others, near[:min(3, len(near))]...)
}

// edits returns all words of a to z with one letter missing, too many, wrong or swapped with the next. Reading the few
// hundred from the dictionary is faster than comparing trigrams, and finds a wrong first letter as well.
func edits(w string) []string {
	if len(w) < 4 || len(w) > maxPart {
		return nil
	}
	for i := range len(w) {
		if w[i] < 'a' || w[i] > 'z' {
			return nil
		}
	}
	var out []string
	for i := 0; i <= len(w); i++ {
		if i < len(w) {
			out = append(out, w[:i]+w[i+1:])
		}
		if i+1 < len(w) {
			out = append(out, w[:i]+w[i+1:i+2]+w[i:i+1]+w[i+2:])
		}
		for c := 'a'; c <= 'z'; c++ {
			out = append(out, w[:i]+string(c)+w[i:])
			if i < len(w) {
				out = append(out, w[:i]+string(c)+w[i+1:])
			}
		}
	}
	return slices.DeleteFunc(out, func(e string) bool { return e == w })
}
