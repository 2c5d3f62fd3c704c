package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"portreeve/catalog"
	"portreeve/estate"
	"portreeve/fault"
)

type sourceCmd struct {
	List  sourceListCmd  `cmd:"" help:"Print a line for each source: those of the estate, and with a database how each of them does."`
	Check sourceCheckCmd `cmd:"" help:"Connect to a source and print what of it may be read, and why not the rest. Changes nothing and needs no database. Exit status: 0 all can be read, 1 something cannot, 2 the estate is wrong."`
}

type sourceListCmd struct {
	estateFlags
}

// Run prints the sources of the estate if there is one and DATABASE_URL is not set, else those of the database.
func (a *sourceListCmd) Run(ctx context.Context, c *cli) (err error) {
	declared, err := a.load()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	if declared != nil && c.DatabaseURL == "" {
		fmt.Fprintln(w, "SOURCE\tKIND\tNAMESPACE\tEVERY\tDECLARED IN")
		for _, s := range declared.Sources {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Slug, s.Kind, orElse(s.Namespace, "-"), spoken(s.CrawlEvery), orElse(fault.Line(s.DeclaredIn, 200), "-"))
		}
		return w.Flush()
	}
	db, err := c.existing(ctx, c.logger(os.Stderr))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	all, err := catalog.NewStore(db.pool).Sources(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "SOURCE\tKIND\tDATASETS\tSTATE\tLAST READ\tDECLARED IN")
	for i := range all {
		s, read := &all[i], "never"
		if s.LastOKAt != nil {
			read = s.LastOKAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", s.Slug, s.Kind, s.Datasets, sourceState(s), read, orElse(fault.Line(s.DeclaredIn, 200), "-"))
	}
	return w.Flush()
}

// sourceState is how a source does in one word.
func sourceState(s *catalog.SourceStatus) string {
	switch {
	case s.RetiredAt != nil:
		return "retired"
	case s.Last == nil:
		return "new"
	}
	return string(s.Last.State)
}

// Unless all is asked for, a check looks at so many scopes, and at so many datasets of each.
const (
	scopesChecked   = 50
	datasetsChecked = 20
	failuresTold    = 5 // of one scope
)

type sourceCheckCmd struct {
	estateFlags
	Name string `arg:"" optional:"" help:"Slug of the source. Default: all sources of the estate, or without one of the database."`
	All  bool   `help:"Look at every dataset of every scope, not at the first ones only."`
}

// Run checks. Problems of the estate that are not about the source that is asked for do not keep it from being checked.
func (a *sourceCheckCmd) Run(ctx context.Context, c *cli) (err error) {
	found, db, wrong := a.find(ctx, c)
	lake := noLake
	if db != nil {
		defer func() { err = errors.Join(err, db.Close()) }()
		lake = db.lake
	}
	if wrong != nil && len(found) == 0 {
		return wrong
	}
	if wrong != nil && a.Name != "" {
		fmt.Fprintf(os.Stderr, "%s\n%s itself is sound:\n", told(wrong), a.Name)
		wrong = nil
	}
	open := newSources(nil, nil, connectors(lake), os.LookupEnv)
	defer func() { err = errors.Join(err, open.Close()) }()
	err = checkAll(ctx, os.Stdout, found, a.All, open)
	if wrong != nil && ctx.Err() == nil {
		if err != nil {
			fmt.Fprintln(os.Stderr, told(err))
		}
		return wrong
	}
	return err
}

// checkAll checks sources one after the other and sums up where there are several.
func checkAll(ctx context.Context, w io.Writer, found []catalog.Source, all bool, open *sources) error {
	var bad []string
	for _, src := range found {
		err := (&check{w: w, all: all, source: src}).run(ctx, open)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case len(found) == 1:
			return err
		case err != nil:
			bad = append(bad, src.Slug)
		}
	}
	if len(bad) > 0 {
		return fault.Unavailablef(nil, "%d of %s cannot be read, or not whole: %s", len(bad), counted(len(found), "source"), strings.Join(bad, ", "))
	}
	fmt.Fprintf(w, "%s checked; nothing failed\n", counted(len(found), "source"))
	return nil
}

// find returns the source that is asked for, or all: those of the estate or, if they are not there, those of the database, which
// is then returned as well. Beside sources of an estate the error says what is wrong with the rest of it.
func (a *sourceCheckCmd) find(ctx context.Context, c *cli) ([]catalog.Source, *database, error) {
	var declared *estate.Estate
	if a.Estate != "" {
		var wrong error
		declared, wrong = estate.Examine(a.Estate, connectors(noLake), os.LookupEnv)
		switch {
		case declared == nil:
			return nil, nil, wrong
		case a.Name == "":
			return declared.Sources, nil, wrong
		}
		src, found := declared.Source(a.Name)
		switch {
		case found:
			return []catalog.Source{src}, nil, wrong
		case wrong != nil:
			return nil, nil, wrong
		case c.DatabaseURL == "":
			return nil, nil, fault.NotFoundf("there is no source %s in the estate%s", a.Name, didYouMean(a.Name, declared))
		}
	}
	db, err := c.existing(ctx, c.logger(os.Stderr))
	if err != nil {
		return nil, nil, err
	}
	found, err := a.stored(ctx, catalog.NewStore(db.pool))
	return found, db, err
}

// stored returns the source of the database that is asked for, or all that are not retired.
func (a *sourceCheckCmd) stored(ctx context.Context, store *catalog.Store) ([]catalog.Source, error) {
	if a.Name != "" {
		src, err := store.Source(ctx, a.Name)
		if err != nil {
			return nil, err
		}
		return []catalog.Source{src}, nil
	}
	all, err := store.Sources(ctx)
	var found []catalog.Source
	for i := range all {
		if all[i].RetiredAt == nil {
			found = append(found, all[i].Source)
		}
	}
	return found, err
}

func didYouMean(name string, declared *estate.Estate) string {
	slugs := make([]string, len(declared.Sources))
	for i, s := range declared.Sources {
		slugs[i] = s.Slug
	}
	if near := estate.Nearest(name, slugs); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}

// check is a look at what of a source can be read.
type check struct {
	w        io.Writer
	all      bool
	source   catalog.Source
	scopes   int // that were looked at
	bad      int // scopes that could not be listed
	datasets int
	failed   int // datasets that are there and could not be read
}

// run prints what can be read and returns Unavailable if something cannot.
func (k *check) run(ctx context.Context, open *sources) error {
	fmt.Fprintf(k.w, "%s (%s%s)\n", k.source.Slug, k.source.Kind, prefixed(", ", k.source.Namespace))
	conn, err := open.Open(ctx, k.source)
	if err != nil {
		return k.notRead("it cannot be opened", err)
	}
	defer func() { _ = conn.Close() }() // read from only
	start := clock()
	scopes, err := conn.Crawler.Scopes(ctx)
	if err != nil {
		return k.notRead("its scopes cannot be listed", err)
	}
	fmt.Fprintf(k.w, "  %s listed in %s\n", counted(len(scopes), "scope"), since(start))
	for i, scope := range scopes {
		if !k.all && i == scopesChecked {
			fmt.Fprintf(k.w, "  … and %d more, which --all looks at\n", len(scopes)-i)
			break
		}
		k.scope(ctx, conn.Crawler, scope)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	fmt.Fprintf(k.w, "  %s read in %s", counted(k.datasets, "dataset"), counted(k.scopes-k.bad, "scope"))
	if k.bad+k.failed == 0 {
		fmt.Fprintln(k.w, "; nothing failed")
		return nil
	}
	failed := counted(k.bad, "scope") + " and " + counted(k.failed, "dataset") + " failed"
	fmt.Fprintf(k.w, "; %s\n", failed)
	return fault.Unavailablef(nil, "%s cannot be read whole: %s", k.source.Slug, failed)
}

func (k *check) notRead(what string, err error) error {
	fmt.Fprintf(k.w, "  %s: %s\n", what, told(err))
	return fault.Unavailablef(nil, "%s cannot be read: %s", k.source.Slug, what)
}

// scope reads the datasets of a scope and prints a line, and one for each failure.
func (k *check) scope(ctx context.Context, c catalog.Crawler, scope string) {
	start := clock()
	datasets, columns, failed := 0, 0, 0
	var why []string
	more := ""
	for o, err := range c.Datasets(ctx, scope, nil) {
		switch {
		case err != nil && o.Name == "":
			k.bad++
			why = append(why, "not listed to its end: "+told(err))
		case err != nil:
			if failed++; failed <= failuresTold {
				why = append(why, fault.Line(o.Name, 200)+": "+told(err))
			}
		default:
			datasets++
			columns += len(o.Columns)
		}
		if !k.all && datasets+failed == datasetsChecked {
			more = " (the first ones; --all looks at all)"
			break
		}
	}
	k.scopes++
	k.datasets += datasets
	k.failed += failed
	fmt.Fprintf(k.w, "  %-30s %s, %s, in %s%s\n", orElse(fault.Line(scope, 200), "(everything)"), counted(datasets, "dataset"),
		counted(columns, "column"), since(start), more)
	if datasets+failed == 0 && len(why) == 0 {
		why = append(why, "it is empty, or what is in it may not be seen")
	}
	if failed > failuresTold {
		why = append(why, fmt.Sprintf("… and %d more that cannot be read", failed-failuresTold))
	}
	for _, line := range why {
		fmt.Fprintln(k.w, "    "+strings.ReplaceAll(line, "\n", "\n    "))
	}
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func since(start time.Time) string { return spoken(clock().Sub(start)) }

// counted is a number of things that are named by a word: "1 scope", "2 scopes".
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}

// spoken writes a time as people say it: "12 ms", "3.4 s", "1 h 30 min", "2 d".
func spoken(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	}
	var parts []string
	for _, unit := range []struct {
		long time.Duration
		name string
	}{{24 * time.Hour, " d"}, {time.Hour, " h"}, {time.Minute, " min"}, {time.Second, " s"}} {
		if n := d / unit.long; n > 0 {
			parts = append(parts, fmt.Sprint(int64(n), unit.name))
			d -= n * unit.long
		}
	}
	return strings.Join(parts, " ")
}
