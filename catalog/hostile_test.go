package catalog_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/fault"
)

// What a source says that Postgres would refuse costs that thing and neither the crawl nor its neighbours.
func TestWhatCannotBeKeptStopsNothing(t *testing.T) {
	t.Parallel()
	far := time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)
	huge := int64(1) << 62
	one := func(o catalog.Observation) map[string][]catalog.Observation {
		if o.Kind == "" {
			o.Kind = catalog.Table
		}
		return map[string][]catalog.Observation{"s": {o}}
	}
	for name, s := range map[string]*script{
		"a scope with NUL":         {scopes: map[string][]catalog.Observation{"a\x00b": {{Name: "x", Kind: catalog.Table}}}},
		"a scope that is no text":  {scopes: map[string][]catalog.Observation{"a\xffb": {{Name: "x", Kind: catalog.Table}}}},
		"a scope that is long":     {scopes: map[string][]catalog.Observation{strings.Repeat("ab", 5000): {{Name: "x", Kind: catalog.Table}}}},
		"a name with NUL":          {scopes: one(catalog.Observation{Name: "x\x00"})},
		"a name that is no text":   {scopes: one(catalog.Observation{Name: "x\xff"})},
		"a bad name that fails":    {scopes: one(catalog.Observation{Name: "x\x00"}), broken: map[string]error{"x\x00": fault.Unavailablef(nil, "a\x00\xff")}},
		"a date of the far future": {scopes: one(catalog.Observation{Name: "x", DataAt: &far})},
		"a commit of then": {scopes: one(catalog.Observation{
			Name: "x", SnapshotID: "1", Snapshots: []catalog.Snapshot{{ID: "1", At: far}, {ID: "2", At: far.AddDate(-298_000, 0, 0), Summary: map[string]string{"a\x00": "\xff"}}},
		})},
		"versions that are no int4": {scopes: one(catalog.Observation{Name: "x", Detail: catalog.Detail{Schema: &catalog.SchemaDetail{
			Versions: []catalog.SchemaVersion{{Version: 1}, {Version: 1, Text: "twice"}, {Version: 1 << 40}},
		}}})},
		"figures": {scopes: map[string][]catalog.Observation{"s": {
			{Name: "x", Kind: catalog.Table, RowCount: new(int64(-5)), ByteCount: &huge},
			{Name: "y", Kind: catalog.Table, ByteCount: &huge},
			{Name: "z", Kind: catalog.Table, ByteCount: &huge},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, catalog.Source{Slug: "a"})
			fine := catalog.Observation{Name: "fine", Kind: catalog.Table}
			if s.scopes["s"] == nil {
				s.scopes["t"] = []catalog.Observation{fine}
			} else {
				s.scopes["s"] = append(s.scopes["s"], fine)
			}
			for range 2 { // the second one finds figures that are new to a shape that is known
				run, err := catalog.Sync(t.Context(), p.Store, p.begin("a"), s, time.Now, slog.New(slog.DiscardHandler))
				if err != nil || run.FinishedAt != nil && run.State == catalog.CrawlFailed {
					t.Fatalf("crawl: %+v, %v", run, err)
				}
			}
			if _, err := p.Dataset(t.Context(), catalog.Key{Source: "a", Name: "fine"}); err != nil {
				t.Error("what is fine did not get in:", err)
			}
		})
	}
}

// A describer that claims several tables makes them not one, nor vouches for any.
func TestDescriptionsMakeNoTwoOne(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, catalog.Source{Slug: "lake"}, catalog.Source{Slug: "dbt"})
	p.crawl("lake",
		catalog.Observation{Name: "hr.salaries", Kind: catalog.Table, Description: "Pay", Identifiers: []catalog.Identifier{id("file", "/l/salaries", "")}},
		catalog.Observation{Name: "raw.orders", Kind: catalog.Table, Identifiers: []catalog.Identifier{id("file", "/l/orders", "")}})
	p.crawl("dbt", catalog.Observation{
		Name: "m", Kind: catalog.Model, Standing: catalog.Describes, Certified: true, Description: "Mine", Team: "dbt",
		Identifiers: []catalog.Identifier{id("file", "/l/salaries", ""), id("file", "/l/orders", "")},
	})
	w, text := p.whole("lake", "hr.salaries")
	if want := "lake/hr.salaries: dbt/m ()"; text != want || w.Certified || w.Description != "Pay" {
		t.Errorf("%s, certified %t, %q; want %s, not certified, its own description", text, w.Certified, w.Description, want)
	}
	if _, text := p.whole("lake", "raw.orders"); text != "lake/raw.orders:" {
		t.Error(text)
	}
}

// A chain of identifiers through hundreds of datasets is no thing, and neither is a dataset that shares much with many.
func TestJoinBounds(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, catalog.Source{Slug: "a"})
	var chain []catalog.Observation
	for i := range 300 {
		o := catalog.Observation{Name: fmt.Sprint("c", i), Kind: catalog.Table}
		if i != 150 && i != 298 {
			o.Identifiers = []catalog.Identifier{id("n", strconv.Itoa(i), ""), id("n", strconv.Itoa(i+1), "")}
		}
		chain = append(chain, o)
	}
	p.crawl("a", chain...)
	if w, text := p.whole("a", "c7"); len(w.Others) != 149 || w.Key().Name != "c0" {
		t.Error("half a chain is one thing, and not", text)
	}
	chain[150].Identifiers = []catalog.Identifier{id("n", "150", ""), id("n", "151", "")}
	p.crawl("a", chain...)
	if _, text := p.whole("a", "c7"); text != "a/c7:" {
		t.Error("a chain of 298 is one thing:", text)
	}
}

// Crawls of several sources at the same time, that share identifiers in ever new ways, end as joins one by one would.
func TestJoinOfCrawlsAtTheSameTime(t *testing.T) {
	t.Parallel()
	slugs := []string{"s0", "s1", "s2", "s3"}
	var sources []catalog.Source
	for _, s := range slugs {
		sources = append(sources, catalog.Source{Slug: s})
	}
	p := newPlatform(t, sources...)
	random := rand.New(rand.NewPCG(7, 7))
	some := func(k int) (list held) {
		for i := range 40 {
			o := catalog.Observation{Name: fmt.Sprint("d", i), Kind: catalog.Table, Standing: catalog.Standing(k % 3), Description: strconv.Itoa(random.Int())} //nolint:gosec // 0 to 2
			for range random.IntN(3) {
				o.Identifiers = append(o.Identifiers, id("n", strconv.Itoa(random.IntN(100)), "r"))
			}
			if random.IntN(10) > 0 {
				list = append(list, o)
			}
		}
		return list
	}
	for round := range 5 {
		var crawls sync.WaitGroup
		for k, slug := range slugs {
			now, crawl := some(k), p.begin(slug)
			crawls.Go(func() {
				run, err := catalog.Sync(t.Context(), p.Store, crawl, now, time.Now, slog.New(slog.DiscardHandler))
				if err != nil || run.State != catalog.CrawlFinished {
					t.Errorf("round %d: %s: %+v, %v", round, slug, run, err)
				}
			})
		}
		crawls.Wait()
		shown := func() map[string]int64 {
			where := map[string]int64{}
			for _, slug := range slugs {
				for i := range 40 {
					key := catalog.Key{Source: slug, Name: fmt.Sprint("d", i)}
					if d, err := p.Dataset(t.Context(), key); err == nil && d.GoneAt == nil && d.MainID != nil {
						where[key.String()] = *d.MainID
					}
				}
			}
			return where
		}
		before := shown()
		for _, slug := range slugs {
			if err := p.Join(t.Context(), slug); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(before, shown()); diff != "" || len(before) == 0 {
			t.Errorf("round %d: joining once more moves datasets:\n%s", round, diff)
		}
	}
}
