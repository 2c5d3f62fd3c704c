package main

import (
	"context"
	"slices"
	"strings"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/connector/duckdb"
	"portreeve/fault"
	"portreeve/query"
)

// statements runs people's SQL over the sources whose files the portal reads itself. It implements web.SQL.
type statements struct {
	sources *sources
	people  *access.Store
	engine  *duckdb.Engine
}

// Engine returns what runs the statements of a person over a source.
func (l *statements) Engine(who access.Principal, source string) query.Engine {
	return duckdb.NewLake(l.engine, func(ctx context.Context, _ query.Statement, names [][]string) ([]*duckdb.View, error) {
		return l.tables(ctx, who, source, names)
	})
}

// tables plans the tables of these names as a person may see them; nil where there is none or it is not theirs to read.
func (l *statements) tables(ctx context.Context, who access.Principal, source string, names [][]string) ([]*duckdb.View, error) {
	views := make([]*duckdb.View, len(names))
	if len(names) == 0 {
		return views, nil
	}
	src, err := l.sources.catalog.Source(ctx, source)
	if err != nil {
		return nil, err
	}
	conn, err := l.sources.Open(ctx, src)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }() // read from only
	if conn.Planner == nil {
		return nil, fault.Invalidf("source", "rows of %s cannot be read from here", source)
	}
	for i, name := range names {
		if views[i], err = l.table(ctx, conn.Planner, who, source, name); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// table plans one table. Its name is schema and table, or the engine's lake before these.
func (l *statements) table(ctx context.Context, planner catalog.Planner, who access.Principal, source string, name []string) (*duckdb.View, error) {
	if len(name) == 3 && strings.EqualFold(name[0], "lake") {
		name = name[1:]
	}
	if len(name) != 2 {
		return nil, nil //nolint:nilnil // there is no such table
	}
	d, err := l.sources.catalog.Dataset(ctx, catalog.Key{Source: source, Name: catalog.JoinPath(name...)})
	if fault.KindOf(err) == fault.NotFound || err == nil && d.GoneAt != nil {
		return nil, nil //nolint:nilnil // likewise
	}
	if err != nil {
		return nil, err
	}
	subjects, err := l.sources.catalog.Subjects(ctx, []int64{d.ID})
	if err != nil {
		return nil, err
	}
	right, err := l.people.Right(ctx, who, subjects[d.ID])
	if err != nil || !right.Allowed {
		return nil, err
	}
	plan, err := planner.Plan(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	plan.Columns = slices.DeleteFunc(slices.Clone(plan.Columns), func(c catalog.PlanColumn) bool { return !right.Reads(c.Name) })
	if len(plan.Columns) == 0 {
		return nil, nil //nolint:nilnil // nothing of it may be read
	}
	return &duckdb.View{Plan: plan}, nil
}
