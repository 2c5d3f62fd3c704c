package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/bench/corpus"
)

// question is one of the log.
type question struct {
	kind, text, sort string
	filters          map[string][]string
}

// spread returns n ids of datasets, always the same ones.
func spread(ctx context.Context, db *pgxpool.Pool, n int) []int64 {
	var most int64
	if err := db.QueryRow(ctx, `SELECT max(id) FROM dataset`).Scan(&most); err != nil {
		return nil // the query that needs the ids tells
	}
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time, on purpose
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = 1 + r.Int64N(most)
	}
	return ids
}

// questions returns the log: 420 questions in the shares that people ask them, and 40 more that sort or have no words.
func questions(ctx context.Context, db *pgxpool.Pool) ([]question, error) {
	const q = `
SELECT d.name, d.title, c.path FROM dataset d JOIN dataset_column c ON c.dataset_id = d.id AND c.position = 1
WHERE d.id = ANY ($1) ORDER BY d.id`
	rows, _ := db.Query(ctx, q, spread(ctx, db, 200))
	type seen struct{ Name, Title, Column string }
	known, err := pgx.CollectRows(rows, pgx.RowToStructByPos[seen])
	if err != nil || len(known) < 100 {
		return nil, fmt.Errorf("%d datasets to ask for: %w", len(known), err)
	}
	r, c := rand.New(rand.NewPCG(3, 4)), corpus.New(42, time.Time{}) //nolint:gosec // likewise
	var log []question
	add := func(kind, text string) { log = append(log, question{kind: kind, text: text}) }
	pick := func() seen { return known[r.IntN(len(known))] }
	for range 50 {
		n := pick().Name
		add("exact name", n[strings.LastIndexByte(n, '.')+1:])
	}
	for range 70 {
		ws := strings.Fields(pick().Title)
		r.Shuffle(len(ws), func(i, j int) { ws[i], ws[j] = ws[j], ws[i] })
		ws = append(ws, c.Word(), c.Word())
		add("two or three words", strings.Join(ws[:2+r.IntN(2)], " "))
	}
	for i := range 100 {
		w := c.Word()
		add("beginning", w[:min(len(w), 1+i%6)])
	}
	for range 40 {
		add("typo", misspell(r, c.Word())+" "+c.Word())
	}
	for range 40 {
		add("column", pick().Column)
	}
	for range 25 {
		add("rare", c.ColumnName()+strconv.Itoa(r.IntN(3000)))
	}
	for range 30 {
		add("very common", []string{"booking", "payment", "customer order", "booking id", "fct", "events", "id"}[r.IntN(7)])
	}
	for range 20 {
		add("no hit", "xq"+misspell(r, "zzyxwvut")+"jk")
	}
	for i := range 45 {
		q := question{kind: "filtered", text: c.Word(), filters: map[string][]string{"kind": {"table"}}}
		if i%2 == 0 {
			q.filters["team"] = []string{corpus.Team(r.IntN(40)), corpus.Team(r.IntN(40))}
		}
		if i%3 == 0 {
			q.filters = map[string][]string{"source": {corpus.Source(r.IntN(5))}}
		}
		log = append(log, q)
	}
	for _, sort := range []string{"", "used", "fresh", "name"} {
		for i := range 10 {
			q := question{kind: "browse and sort", sort: sort}
			if i%2 == 0 {
				q.text = c.Word()
			}
			log = append(log, q)
		}
	}
	r.Shuffle(len(log), func(i, j int) { log[i], log[j] = log[j], log[i] })
	return log, nil
}

// misspell swaps two letters of w.
func misspell(r *rand.Rand, w string) string {
	if len(w) < 4 {
		return w
	}
	i := 1 + r.IntN(len(w)-2)
	return w[:i] + w[i+1:i+2] + w[i:i+1] + w[i+2:]
}
