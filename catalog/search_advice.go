package catalog

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// queueCorrected queues the question with its wrong words right, if a visible dataset has all the right ones: otherwise
// it would tell of words that only hidden datasets have.
func (a *ask) queueCorrected(b *pgx.Batch, f findings, ids []int64, result *SearchResult) {
	const q = `SELECT EXISTS (SELECT FROM search s WHERE s.dataset_id = ANY ($1) AND s.keys @@ $2::tsquery)`
	right, lexemes := map[string]string{}, []string{}
	for _, w := range a.words {
		i := slices.IndexFunc(w.others, func(m meaning) bool { return m.how == correction })
		if i >= 0 && (!w.last || !strings.HasPrefix(w.others[i].parts[0], w.text)) { // else it is not wrong, only unfinished
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
		result.Corrected = a.question.with(right)
		return nil
	})
}

// with returns the question with words replaced, which stay plural if they were.
func (q Question) with(right map[string]string) string {
	out := Question{Clauses: slices.Clone(q.Clauses)}
	for i, c := range out.Clauses {
		if c.Op != "" || c.Not {
			continue
		}
		var b strings.Builder
		at := 0
		for _, t := range tokens(c.Text) {
			if w, ok := right[t.text]; ok {
				if t.raw == t.text+"s" && singular(w+"s") == w {
					w += "s"
				}
				b.WriteString(c.Text[at:t.start] + w)
				at = t.end
			}
		}
		out.Clauses[i].Text = b.String() + c.Text[at:]
	}
	return out.String()
}

// unknownOperator is a word before a colon, and its value.
var unknownOperator = regexp.MustCompile(`^([A-Za-z]+):[^/:]`)

// notes returns sentences about what of the question was left out or is not known.
func (a *ask) notes(f findings) []string {
	notes := slices.Clone(a.question.Notes)
	if a.pointless() {
		notes = append(notes, "There is no letter and no digit to look for.")
	}
	named := len(f.hits) > 0 && f.hits[0].Base >= 600 // it is what something is called
	for _, c := range a.question.Clauses {
		m := unknownOperator.FindStringSubmatch(c.Text)
		switch {
		case c.Op != "" || c.Phrase || m == nil || named:
		case strings.EqualFold(m[1], "is"):
			notes = append(notes, "“"+c.Text+"” was read as words: after is: comes one of "+strings.Join(states, ", ")+".")
		default:
			const known = "column:, domain:, is:, kind:, name:, owner:, source:, tag:, team: and term:"
			notes = append(notes, "“"+m[1]+":” was read as a word: the operators are "+known+".")
		}
	}
	return notes
}

// advise suggests another question where a value of an operator leads nowhere, or a state stands among the words. It only
// suggests what finds something that may be seen.
func (a *ask) advise(ctx context.Context, tx pgx.Tx, f findings, result *SearchResult) error {
	if f.total > 0 && f.hits != nil && f.hits[0].Base >= 500 {
		return nil
	}
	for i, c := range a.question.Clauses {
		var others []string
		var err error
		op := c.Op
		switch {
		case c.Not || c.Phrase && c.Op == "":
		case c.Op == "" && slices.Contains(states, strings.ToLower(c.Text)):
			op, others = "is", []string{strings.ToLower(c.Text)}
		case c.Op == "" && len(c.Text) > 3 && strings.EqualFold(c.Text[:3], "is:"):
			op, others = "is", likest(c.Text[3:], states)
		case f.total == 0 && slices.Contains([]string{"team", "tag", "source", "kind", "domain", "term"}, c.Op):
			if others, err = valuesLike(ctx, tx, c.Op, c.Text); err != nil {
				return err
			}
		}
		for _, value := range others {
			q := Question{Clauses: slices.Clone(a.question.Clauses)}
			q.Clauses[i] = Clause{Op: op, As: c.As, Text: value, Phrase: strings.ContainsRune(value, ' ')}
			finds, err := a.finds(ctx, tx, q)
			if err != nil {
				return err
			}
			if finds {
				result.Suggestion = q.String()
				return nil
			}
		}
	}
	return nil
}

// finds reports whether the question, asked instead, finds anything.
func (a *ask) finds(ctx context.Context, tx pgx.Tx, question Question) (found bool, err error) {
	const q = `SELECT EXISTS (SELECT FROM search s WHERE s.keys @@ @query::tsquery AND ` + visible + `)`
	other := newAsk(a.SearchQuery, question)
	args := other.args()
	args["query"] = other.orAll(allOf([]string{other.anywhere(), other.must("")}))
	if err := tx.QueryRow(ctx, q, args).Scan(&found); err != nil {
		return false, fmt.Errorf("suggestion: %w", err)
	}
	return found, nil
}

// valuesLike returns values of a facet that look like value, the likest first, at most three.
func valuesLike(ctx context.Context, tx pgx.Tx, facet, value string) ([]string, error) {
	const q = `SELECT term FROM term WHERE term >= @from AND term < @to AND df > 0 ORDER BY df DESC LIMIT 2000`
	prefix := facetKey(facet, "")
	rows, _ := tx.Query(ctx, q, pgx.NamedArgs{"from": prefix, "to": successor(prefix)})
	terms, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("values of %s: %w", facet, err)
	}
	for i := range terms {
		terms[i] = strings.TrimPrefix(terms[i], prefix)
	}
	return likest(value, terms), nil
}

// likest returns the values that look like value, the likest first, at most three.
func likest(value string, values []string) []string {
	want := slug(value)
	if want == "" {
		return nil
	}
	far := map[string]int{}
	var near []string
	for _, v := range values {
		if d := distance(want, v); v != want && (d <= 1+len(want)/4 || len(want) >= 3 && strings.Contains(v, want)) {
			near, far[v] = append(near, v), d
			if strings.HasPrefix(v, want) {
				far[v] = 1
			}
		}
	}
	slices.SortStableFunc(near, func(x, y string) int { return cmp.Compare(far[x], far[y]) })
	return near[:min(3, len(near))]
}
