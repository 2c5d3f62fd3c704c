package catalog

import (
	"cmp"
	"context"
	"fmt"
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
SELECT d.id, c.path FROM unnest($1::bigint[]) AS d (id), LATERAL (
	SELECT path FROM dataset_column WHERE dataset_id = d.id AND translate(lower(path), '_-. $/', '') ~ $2
	ORDER BY position LIMIT $3) c`
	const took = `SELECT clock_timestamp() - transaction_timestamp()`
	ids := make([]int64, len(f.hits))
	for i, h := range f.hits {
		ids[i] = h.ID
	}
	m := a.marker()
	heading, paths := map[int64]Dataset{}, map[int64][]string{}
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
		b.Queue(columns, ids, m.pattern(), readColumns).Query(func(rows pgx.Rows) error {
			var id int64
			var path string
			_, err := pgx.ForEachRow(rows, []any{&id, &path}, func() error {
				paths[id] = append(paths[id], path)
				return nil
			})
			return err
		})
	}
	a.queueSuggestion(&b, f, ids, result)
	b.Queue(took).QueryRow(func(row pgx.Row) error { return row.Scan(&result.Took) })
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("details: %w", err)
	}
	for _, h := range f.hits {
		d := heading[h.ID]
		result.Items = append(result.Items, Hit{d, h.Score, m.matches(&d, paths[h.ID])})
	}
	return nil
}

// queueSuggestion queues the question with its wrong words right, if a visible dataset has all the right ones: otherwise
// it would tell of words that only hidden datasets have.
func (a *ask) queueSuggestion(b *pgx.Batch, f findings, ids []int64, result *SearchResult) {
	const q = `SELECT EXISTS (SELECT FROM search s WHERE s.dataset_id = ANY ($1) AND s.keys @@ $2::tsquery)`
	right, lexemes := map[string]string{}, []string{}
	for _, w := range a.words {
		i := slices.IndexFunc(w.others, func(m meaning) bool { return m.how == correction })
		if i >= 0 {
			right[w.text] = w.others[i].parts[0]
			lexemes = append(lexemes, lexeme(right[w.text]))
		}
	}
	if len(right) == 0 || len(ids) == 0 || f.hits[0].Base == 0 {
		return
	}
	b.Queue(q, ids, allOf(lexemes)).QueryRow(func(row pgx.Row) error {
		var shown bool
		if err := row.Scan(&shown); err != nil || !shown {
			return err
		}
		result.Suggestion = a.question.with(right)
		return nil
	})
}

// with returns the question with words replaced.
func (q Question) with(right map[string]string) string {
	out := Question{slices.Clone(q.Clauses)}
	for i, c := range out.Clauses {
		if c.Op != "" || c.Not {
			continue
		}
		var b strings.Builder
		at := 0
		for _, t := range tokens(c.Text) {
			if w, ok := right[t.text]; ok {
				b.WriteString(c.Text[at:t.start] + w)
				at = t.end
			}
		}
		out.Clauses[i].Text = b.String() + c.Text[at:]
	}
	return out.String()
}

// marker finds a question's words in texts.
type marker struct {
	whole string
	words map[string]bool // and what they may stand for
	begun string          // the beginning of a word, or ""
}

func (a *ask) marker() marker {
	m := marker{whole: a.whole, words: map[string]bool{}}
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
			if key, ok := strings.CutPrefix(k, "c/"); ok {
				m.words[key] = true
			}
		}
	}
	return m
}

// pattern returns a regular expression that finds the words among the letters and digits of a column's path.
func (m marker) pattern() string {
	var words []string
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
	return start, start + len(best), true
}

// matches returns where the question was found in a dataset.
func (m marker) matches(d *Dataset, paths []string) []Match {
	if len(m.words) == 0 {
		return nil
	}
	var out []Match
	add := func(field, text string) {
		if s := m.spans(text); len(s) > 0 {
			out = append(out, Match{Field: field, Snippet: snippet(text, s, 0, len(text))})
		}
	}
	add("name", d.Name)
	out = append(out, m.columns(paths)...)
	add("title", d.Title)
	out = append(out, m.description(d.Description)...)
	for _, tag := range d.Tags {
		add("tag", tag)
	}
	add("team", d.Team)
	add("domain", d.Domain)
	if i := slices.IndexFunc(out, func(x Match) bool { return x.Field == "column" }); i > 0 && squash(plain(out[i])) == m.whole &&
		squash(ownName(d.Kind, d.Name)) != m.whole {
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
func (m marker) columns(paths []string) []Match {
	type match struct {
		path  string
		spans []span
		bytes int
	}
	var found []match
	for _, p := range paths {
		if s := m.spans(p); len(s) > 0 {
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

// description returns the part of a description around the first hit.
func (m marker) description(text string) []Match {
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
	return []Match{{Field: "description", Snippet: snippet(text, spans, from, to)}}
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
