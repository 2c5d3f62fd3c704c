package trino

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

const (
	maxSlow   = 3 // queries of a scope that may take too long before it is given up
	maxDenied = 3 // datasets that are refused one by one before a batch is taken to be refused
)

// batch is one query about many datasets: a SELECT for each, or a few, joined by UNION ALL. The first column is the dataset's
// number in the batch.
type batch struct {
	before, after string
	parts         func(number, name string) []string
}

// text returns the query, each SELECT on a line of its own: Trino's errors name the line.
func (b *batch) text(names []string) (text string, lines []int) {
	var selects []string
	for i, name := range names {
		for _, part := range b.parts(literal(strconv.Itoa(i)), name) {
			selects = append(selects, part)
			lines = append(lines, i)
		}
	}
	return b.before + strings.Join(selects, "\nUNION ALL ") + b.after, lines
}

// answers are the rows and the errors of a batch by dataset.
type answers struct {
	rows   map[string][][]string
	failed map[string]error
}

// ask puts a batch. One dataset that cannot be read fails the query for all, so that it is divided until each bad one stands
// alone. The error is about Trino as a whole or the scope.
func (r *reader) ask(b batch, names []string) (answers, error) {
	out := answers{map[string][][]string{}, map[string]error{}}
	for todo := [][]string{names}; len(todo) > 0; {
		group := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if len(group) == 0 {
			continue
		}
		text, lines := b.text(group)
		rows, err := r.query(r.ctx, text)
		if err == nil {
			for _, row := range rows {
				if n, err := strconv.Atoi(row[0]); err == nil && n >= 0 && n < len(group) {
					out.rows[group[n]] = append(out.rows[group[n]], row[1:])
				}
			}
			continue
		}
		if err := r.hopeless(err); err != nil {
			return out, err
		}
		if len(group) == 1 || denied(err) && r.denied >= maxDenied {
			for _, name := range group {
				out.failed[name] = err
			}
			if denied(err) {
				r.denied += len(group)
			}
			continue
		}
		one, other := divide(group, lines, err)
		todo = append(todo, other, one)
	}
	return out, nil
}

// hopeless returns the error with which the scope ends if err is not about single datasets.
func (r *reader) hopeless(err error) error {
	if slow(err) {
		r.slow++
	}
	if r.ctx.Err() != nil || outage(err) || r.slow > maxSlow {
		return r.fault(r.ctx, err, "the schema "+r.scope)
	}
	return nil
}

// divide parts the dataset that an error seems to be about from the others, or else halves them.
func divide(names []string, lines []int, err error) (one, other []string) {
	bad := -1
	if e := answer(err); e != nil {
		if line := e.ErrorLocation.LineNumber; line > 0 && line <= len(lines) {
			bad = lines[line-1]
		} else {
			bad = slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(e.Message, "."+name) })
		}
	}
	if bad >= 0 {
		return names[bad : bad+1], slices.Concat(names[:bad], names[bad+1:])
	}
	return names[:len(names)/2], names[len(names)/2:]
}

// each runs one query for each name, as many at a time as there are slots.
func (r *reader) each(names []string, text func(name string) string) ([][][]string, []error) {
	rows, errs := make([][][]string, len(names)), make([]error, len(names))
	r.together(len(names), func(i int) { rows[i], errs[i] = r.query(r.ctx, text(names[i])) })
	return rows, errs
}

// errStopped says that the consumer of the stream has enough.
var errStopped = errors.New("stopped")
