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
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Slug, s.Kind, orElse(s.Namespace, "-"), s.CrawlEvery, s.DeclaredIn)
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
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", s.Slug, s.Kind, s.Datasets, sourceState(s), read, orElse(s.DeclaredIn, "-"))
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
	Name string `arg:"" help:"Slug of the source."`
	All  bool   `help:"Look at every dataset of every scope, not at the first ones only."`
}

// Run checks.
func (a *sourceCheckCmd) Run(ctx context.Context, c *cli) (err error) {
	src, db, err := a.find(ctx, c)
	if err != nil {
		return err
	}
	lake := noLake
	if db != nil {
		defer func() { err = errors.Join(err, db.Close()) }()
		lake = db.lake
	}
	open := newSources(nil, nil, connectors(lake), os.LookupEnv)
	defer func() { err = errors.Join(err, open.Close()) }()
	return (&check{w: os.Stdout, all: a.All, source: src}).run(ctx, open)
}

// find returns the source of the estate or, if it is not there, that of the database, which is then returned as well.
func (a *sourceCheckCmd) find(ctx context.Context, c *cli) (catalog.Source, *database, error) {
	declared, err := a.load()
	if err != nil {
		return catalog.Source{}, nil, err
	}
	if declared != nil {
		if src, found := declared.Source(a.Name); found {
			return src, nil, nil
		}
		if c.DatabaseURL == "" {
			return catalog.Source{}, nil, fault.NotFoundf("there is no source %s in the estate%s", a.Name, didYouMean(a.Name, declared))
		}
	}
	db, err := c.existing(ctx, c.logger(os.Stderr))
	if err != nil {
		return catalog.Source{}, nil, err
	}
	src, err := catalog.NewStore(db.pool).Source(ctx, a.Name)
	if err != nil {
		return catalog.Source{}, nil, errors.Join(err, db.Close())
	}
	return src, db, nil
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
	start := clock()
	conn, err := open.Open(ctx, k.source)
	if err != nil {
		return k.notRead("it cannot be opened", err)
	}
	defer func() { _ = conn.Close() }() // read from only
	fmt.Fprintf(k.w, "  opened in %s\n", since(start))
	start = clock()
	scopes, err := conn.Crawler.Scopes(ctx)
	if err != nil {
		return k.notRead("its scopes cannot be listed", err)
	}
	fmt.Fprintf(k.w, "  %d scopes listed in %s\n", len(scopes), since(start))
	for i, scope := range scopes {
		if !k.all && i == scopesChecked {
			fmt.Fprintf(k.w, "  … and %d more scopes, which --all looks at\n", len(scopes)-i)
			break
		}
		k.scope(ctx, conn.Crawler, scope)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	fmt.Fprintf(k.w, "  %d datasets read in %d scopes", k.datasets, k.scopes-k.bad)
	if k.bad+k.failed == 0 {
		fmt.Fprintln(k.w, "; nothing failed")
		return nil
	}
	fmt.Fprintf(k.w, "; %d scopes and %d datasets failed\n", k.bad, k.failed)
	return fault.Unavailablef(nil, "%s cannot be read whole: %d scopes and %d datasets failed", k.source.Slug, k.bad, k.failed)
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
				why = append(why, o.Name+": "+told(err))
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
	fmt.Fprintf(k.w, "  %-30s %4d datasets, %5d columns, in %s%s\n", orElse(scope, "(everything)"), datasets, columns, since(start), more)
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

func since(start time.Time) string { return clock().Sub(start).Round(time.Millisecond).String() }
