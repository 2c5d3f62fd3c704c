package catalog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

const (
	shownColumns = 3   // matching columns of a hit; the others are counted
	readColumns  = 200 // matching columns that are read to choose those
	excerpt      = 200 // bytes of a description around the hit
	excerptLead  = 60  // of these before the hit
)

// describe reads the datasets of the answer and says where the question was found in each.
func (a *ask) describe(ctx context.Context, tx pgx.Tx, f findings, result *SearchResult) error {
	const heads = datasetSelect + `WHERE d.id = ANY ($1)`
	const columns = `
SELECT d.id, c.path, CASE WHEN told THEN c.comment ELSE '' END AS comment FROM unnest($1::bigint[]) AS d (id), LATERAL (
	SELECT * FROM (SELECT position, path, left(comment, $4) AS comment, translate(lower(path), '_-. $/', '') ~ $2 AS named,
		lower(left(comment, $4)) ~ $2 AS told FROM dataset_column
		WHERE dataset_id = ANY (ARRAY(SELECT d.id UNION ALL SELECT o.id FROM dataset o WHERE o.main_id = d.id AND o.gone_at IS NULL))) x
	WHERE named OR told ORDER BY NOT named, position LIMIT $3) c`
	const took = `SELECT clock_timestamp() - transaction_timestamp()`
	ids := make([]int64, len(f.hits))
	for i, h := range f.hits {
		ids[i] = h.ID
	}
	m := a.marker()
	heading, found := map[int64]Dataset{}, map[int64][]Column{}
	var b pgx.Batch
	if len(ids) > 0 {
		b.Queue(heads, ids).Query(func(rows pgx.Rows) error {
			datasets, err := pgx.CollectRows(rows, pgx.RowToStructByName[Dataset])
			for _, d := range datasets {
				heading[d.ID] = d
			}
			return err
		})
	}
	if len(ids) > 0 && m.pattern() != "" {
		b.Queue(columns, ids, m.pattern(), readColumns, maxProse).Query(func(rows pgx.Rows) error {
			var id int64
			var c Column
			_, err := pgx.ForEachRow(rows, []any{&id, &c.Path, &c.Comment}, func() error {
				same := func(o Column) bool { return strings.EqualFold(o.Path, c.Path) }
				if !slices.ContainsFunc(found[id], same) { // several datasets that are one have it
					found[id] = append(found[id], c)
				}
				return nil
			})
			return err
		})
	}
	a.queueCorrected(&b, f, ids, result)
	b.Queue(took).QueryRow(func(row pgx.Row) error { return row.Scan(&result.Took) })
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("details: %w", err)
	}
	others, err := othersOf(ctx, tx, ids)
	if err != nil {
		return fmt.Errorf("details: %w", err)
	}
	for _, h := range f.hits {
		d := heading[h.ID]
		merge(&d, others[h.ID])
		result.Items = append(result.Items, Hit{d, h.Score, m.matches(&d, found[h.ID])})
	}
	return nil
}

// marker finds a question's words in texts.
type marker struct {
	whole string
	core  string          // the words that count, all together
	words map[string]bool // and what they may stand for
	runs  []string        // letters and digits to be found in names of columns
	keys  map[string]bool // facets' values of operators
	begun string          // the beginning of a word, or ""
}

func (a *ask) marker() marker {
	m := marker{whole: a.whole, core: strings.Join(wordTexts(a.words), ""), words: map[string]bool{}, runs: a.runs, keys: map[string]bool{}}
	for _, w := range a.words {
		m.words[w.text] = true
		if w.joined != "" {
			m.words[w.joined] = true
		}
		for _, o := range w.others {
			for _, p := range slices.Concat(o.parts, o.tails) {
				m.words[p] = true
			}
		}
		if w.last {
			m.begun = w.text
		}
	}
	for _, n := range a.narrow {
		for _, k := range n.keys {
			if word, ok := strings.CutPrefix(k, "n/"); ok {
				m.words[word] = true
			}
			if n.facet == "" {
				m.keys[k] = true
			}
		}
	}
	return m
}

// pattern returns a regular expression that finds the words among the letters and digits of a column's path.
func (m marker) pattern() string {
	words := slices.Clone(m.runs)
	for w := range m.words {
		words = append(words, strings.TrimSuffix(w, "y")) // category, categories
	}
	slices.Sort(words)
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), "|")
}

// span is a marked part of a text, in bytes.
type span struct{ start, end int }

// spans returns the parts of text where the question is found.
func (m marker) spans(text string) []span {
	var out []span
	all := squash(text)
	if all == "" {
		return nil
	}
	if all == m.whole || m.words[all] {
		return []span{{0, len(text)}}
	}
	for _, t := range tokens(text) {
		start, end, ok := m.in(t)
		if ok {
			out = append(out, span{t.start + start, t.start + end})
		}
	}
	return out
}

// in returns which bytes of a word match.
func (m marker) in(t token) (start, end int, ok bool) {
	whole := t.end - t.start
	if m.words[t.text] || m.words[stem(t.text)] {
		return 0, whole, true
	}
	if len(t.raw) != whole { // folding changed lengths: no part of it can be told
		return 0, whole, m.begun != "" && strings.HasPrefix(t.raw, m.begun)
	}
	if m.begun != "" && strings.HasPrefix(t.raw, m.begun) {
		return 0, len(m.begun), true
	}
	best := ""
	for w := range m.words { // glued words
		if len(w) >= 4 && strings.Contains(t.raw, w) && (len(w) > len(best) || len(w) == len(best) && w < best) {
			best = w
		}
	}
	if best == "" {
		return 0, 0, false
	}
	start = strings.Index(t.raw, best)
	end = start + len(best)
	for w := range m.words { // tailnum for tail number
		if rest := t.raw[end:]; len(rest) >= 3 && w != best && strings.HasPrefix(w, rest) {
			return start, whole, true
		}
	}
	return start, end, true
}

// matches returns where the question was found in a dataset.
func (m marker) matches(d *Dataset, columns []Column) []Match {
	var out []Match
	add := func(field, text string) {
		if s := m.spans(text); m.keys[facetKey(field, text)] {
			out = append(out, Match{Field: field, Snippet: []Span{{text, true}}})
		} else if len(s) > 0 {
			out = append(out, Match{Field: field, Snippet: snippet(text, s, 0, len(text))})
		}
	}
	add("name", d.Name)
	out = append(out, m.columns(columns)...)
	add("title", d.Title)
	out = append(out, m.excerpt("description", d.Description)...)
	for _, tag := range d.Tags {
		add("tag", tag)
	}
	add("team", d.Team)
	add("domain", d.Domain)
	out = append(out, m.comment(columns, out)...)
	own := ownName(d.Kind, d.Name)
	if i := slices.IndexFunc(out, func(x Match) bool { return x.Field == "column" }); i > 0 && squash(plain(out[i])) == m.whole &&
		squash(own) != m.whole && strings.Join(texts(tokens(own)), "") != m.core {
		out[0], out[i] = out[i], out[0] // the exact column says more than a name with some of it
	}
	return out
}

func plain(m Match) string {
	var b strings.Builder
	for _, s := range m.Snippet {
		b.WriteString(s.Text)
	}
	return b.String()
}

// columns returns the columns that match best, the last with the number of the others.
func (m marker) columns(columns []Column) []Match {
	type match struct {
		path  string
		spans []span
		bytes int
	}
	var found []match
	for _, column := range columns {
		p := column.Path
		s := m.spans(p)
		if r, ok := m.run(p); ok && len(s) == 0 {
			s = []span{r}
		}
		if len(s) > 0 {
			c := match{path: p, spans: s}
			for _, x := range s {
				c.bytes += x.end - x.start
			}
			if squash(p) == m.whole {
				c.bytes += 1 << 20
			}
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(x, y match) int { return cmp.Compare(y.bytes, x.bytes) })
	var out []Match
	for _, c := range found[:min(shownColumns, len(found))] {
		out = append(out, Match{Field: "column", Snippet: snippet(c.path, c.spans, 0, len(c.path))})
	}
	if len(found) > shownColumns {
		out[shownColumns-1].More = len(found) - shownColumns
	}
	return out
}

// run returns the words of a column's name that column: looks for: they begin with it, or one of them holds it.
func (m marker) run(path string) (span, bool) {
	found := tokens(path)
	for _, want := range m.runs {
		for i := range found {
			letters, one := "", found[i].raw
			for j := i; j < len(found) && len(letters) < len(want); j++ {
				letters = strings.Join([]string{letters, found[j].raw}, "")
				if strings.HasPrefix(letters, want) {
					return span{found[i].start, found[j].end - (len(letters) - len(want))}, true
				}
			}
			if at := strings.Index(one, want); at > 0 {
				start := min(found[i].start+at, found[i].end)
				return span{start, min(start+len(want), found[i].end)}, true
			}
		}
	}
	return span{}, false
}

// comment returns the column whose comment says most of what no other place says, with the number of the others.
func (m marker) comment(columns []Column, others []Match) []Match {
	said := map[string]bool{}
	for _, x := range others {
		m.count(plain(x), said)
	}
	best, most, n := "", 0, 0
	for _, c := range columns {
		text := c.Path + ": " + c.Comment
		all := maps.Clone(said)
		m.count(text, all)
		if more := len(all) - len(said); more > 0 && len(m.spans(c.Comment)) > 0 {
			n++
			if more > most {
				best, most = text, more
			}
		}
	}
	out := m.excerpt("comment", best)
	if len(out) > 0 {
		out[0].More = n - 1
	}
	return out
}

// count adds the words of text that match to found.
func (m marker) count(text string, found map[string]bool) {
	for _, s := range m.spans(text) {
		for _, t := range tokens(text[s.start:s.end]) {
			found[t.text] = true
		}
	}
}

// excerpt returns the part of a text around the first hit.
func (m marker) excerpt(field, text string) []Match {
	text = cutAt(text, maxProse)
	spans := m.spans(text)
	if len(spans) == 0 {
		return nil
	}
	from := wordStart(text, max(0, spans[0].start-excerptLead))
	to := len(cutAt(text, from+excerpt))
	if to < len(text) {
		if i := strings.LastIndexFunc(text[spans[0].end:max(to, spans[0].end)], unicode.IsSpace); i > 0 {
			to = spans[0].end + i
		}
	}
	to = max(to, spans[0].end)
	return []Match{{Field: field, Snippet: snippet(text, spans, from, to)}}
}

// wordStart returns where the first word at or after byte i of text begins; i itself when that is the start of text.
func wordStart(text string, i int) int {
	if i == 0 {
		return 0
	}
	for i > 0 && !utf8.RuneStart(text[i]) {
		i--
	}
	if n := strings.IndexFunc(text[i:], unicode.IsSpace); n >= 0 && n < excerptLead {
		return len(text) - len(rest(text[i+n:]))
	}
	return i
}

// snippet returns the bytes from to to of text, its spans marked and its cuts shown.
func snippet(text string, spans []span, from, to int) []Span {
	var out []Span
	add := func(s string, hit bool) {
		switch n := len(out); {
		case s == "":
		case n > 0 && out[n-1].Hit == hit:
			out[n-1].Text += s
		default:
			out = append(out, Span{s, hit})
		}
	}
	if from > 0 {
		add("…", false)
	}
	at := from
	for _, s := range spans {
		if s.start < at || s.end > to {
			continue
		}
		add(text[at:s.start], false)
		add(text[s.start:s.end], true)
		at = s.end
	}
	add(text[at:to], false)
	if to < len(text) {
		add("…", false)
	}
	return out
}
