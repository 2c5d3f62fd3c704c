package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

func syncIt(p *platform, source string, c catalog.Crawler) (catalog.Crawl, error) {
	return catalog.Sync(p.t.Context(), p.Store, p.begin(source), c, time.Now, slog.New(slog.DiscardHandler))
}

func TestZZNames(t *testing.T) {
	long := strings.Builder{}
	r := rand.New(rand.NewSource(1))
	for range 9000 {
		long.WriteByte(byte('!' + r.Intn(90)))
	}
	for name, s := range map[string]*script{
		"nul scope":            {scopes: map[string][]catalog.Observation{"a\x00b": {{Name: "x", Kind: catalog.Table}}}},
		"utf8 scope":           {scopes: map[string][]catalog.Observation{"a\xffb": {{Name: "x", Kind: catalog.Table}}}},
		"long scope":           {scopes: map[string][]catalog.Observation{long.String(): {{Name: "x", Kind: catalog.Table}}}},
		"nul name":             {scopes: map[string][]catalog.Observation{"s": {{Name: "x\x00", Kind: catalog.Table}}}},
		"utf8 name":            {scopes: map[string][]catalog.Observation{"s": {{Name: "x\xff", Kind: catalog.Table}}}},
		"nul failing":          {scopes: map[string][]catalog.Observation{"s": {{Name: "x\x00"}}}, broken: map[string]error{"x\x00": errors.New("no")}},
		"long name":            {scopes: map[string][]catalog.Observation{"s": {{Name: long.String(), Kind: catalog.Table}}}},
		"nul native":           {scopes: map[string][]catalog.Observation{"s": {{Name: "x", NativeID: "a\x00", Kind: catalog.Table}}}},
		"utf8 properties":      {scopes: map[string][]catalog.Observation{"s": {{Name: "x", Properties: map[string]string{"a\xff\x00": "b\x00\xff"}, Kind: catalog.Table}}}},
		"utf8 snapshots":       {scopes: map[string][]catalog.Observation{"s": {{Name: "x", SnapshotID: "1", Snapshots: []catalog.Snapshot{{ID: "1", Summary: map[string]string{"a\x00": "\xff\x00"}}}, Kind: catalog.Table}}}},
		"backslash u0000":      {scopes: map[string][]catalog.Observation{"s": {{Name: "x", Detail: catalog.Detail{Refs: []catalog.TableRef{{Name: "a\\\x00 \\u0000 \xff"}}}, Kind: catalog.Table}}}},
		"error with nul":       {scopes: map[string][]catalog.Observation{"s": {{Name: "x"}}}, broken: map[string]error{"x": fault.Unavailablef(nil, "a\x00\xff")}},
		"column name 64k":      {scopes: map[string][]catalog.Observation{"s": {{Name: "x", Columns: []catalog.Column{{Path: long.String()}, {Path: long.String()}}, Kind: catalog.Table}}}},
		"scope err nul":        {scopes: map[string][]catalog.Observation{"s": {}}, broken: map[string]error{"s": fault.Unavailablef(nil, "a\x00\xff")}},
		"dataat far":           {scopes: map[string][]catalog.Observation{"s": {{Name: "x", DataAt: ptr(time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC)), Kind: catalog.Table}}}},
		"snapshot far":         {scopes: map[string][]catalog.Observation{"s": {{Name: "x", SnapshotID: "1", Snapshots: []catalog.Snapshot{{ID: "1", At: time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC)}}, Kind: catalog.Table}}}},
		"schema dup versions":  {scopes: map[string][]catalog.Observation{"s": {{Name: "x", Detail: catalog.Detail{Schema: &catalog.SchemaDetail{Versions: []catalog.SchemaVersion{{Version: 1, Text: "a"}, {Version: 1, Text: "b"}, {Version: 1 << 40}}}}, Kind: catalog.Table}}}},
		"negative rows":        {scopes: map[string][]catalog.Observation{"s": {{Name: "x", RowCount: ptr(int64(-5)), ByteCount: ptr(int64(1) << 62), Kind: catalog.Table}, {Name: "y", ByteCount: ptr(int64(1) << 62), Kind: catalog.Table}, {Name: "z", ByteCount: ptr(int64(1) << 62), Kind: catalog.Table}}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, catalog.Source{Slug: "a"})
			if s.scopes["s"] == nil {
				s.scopes["good"] = []catalog.Observation{{Name: "fine", Kind: catalog.Table}}
			} else {
				s.scopes["s"] = append(s.scopes["s"], catalog.Observation{Name: "fine", Kind: catalog.Table})
			}
			run, err := syncIt(p, "a", s)
			if err != nil {
				t.Errorf("STUCK %v", err)
				return
			}
			if _, err := p.Dataset(t.Context(), catalog.Key{Source: "a", Name: "fine"}); err != nil {
				t.Errorf("the good one is not there: %v %+v", err, run)
			}
			t.Logf("%s failed=%d %q", run.State, run.Failed, run.Message)
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestZZBridge(t *testing.T) {
	p := newPlatform(t, catalog.Source{Slug: "lake"}, catalog.Source{Slug: "evil"})
	p.crawl("lake",
		catalog.Observation{Name: "hr.salaries", Kind: catalog.Table, Description: "pay", Identifiers: []catalog.Identifier{id("file", "/l/sal", "")}},
		catalog.Observation{Name: "raw.orders", Kind: catalog.Table, Identifiers: []catalog.Identifier{id("file", "/l/ord", "")}})
	p.crawl("evil", catalog.Observation{Name: "m", Kind: catalog.Model, Standing: catalog.Describes, Certified: true, Deprecated: "use evil", Description: "evil text", Team: "evil", Tags: []string{"pii"},
		Identifiers: []catalog.Identifier{id("file", "/l/sal", ""), id("file", "/l/ord", "")}})
	for _, n := range []string{"hr.salaries", "raw.orders"} {
		w, text := p.whole("lake", n)
		t.Logf("%s -> %s certified=%v deprecated=%q description=%q team=%q tags=%v", n, text, w.Certified, w.Deprecated, w.Description, w.Team, w.Tags)
	}
	// two of one source that only a describer links
	p.crawl("evil")
	p.crawl("evil", catalog.Observation{Name: "m1", Kind: catalog.Model, Standing: catalog.Describes, Identifiers: []catalog.Identifier{id("file", "/l/sal", ""), id("e", "x", "")}},
		catalog.Observation{Name: "m2", Kind: catalog.Model, Standing: catalog.Describes, Identifiers: []catalog.Identifier{id("file", "/l/ord", ""), id("e", "x", "")}})
	for _, n := range []string{"hr.salaries", "raw.orders"} {
		_, text := p.whole("lake", n)
		t.Logf("%s -> %s", n, text)
	}
	// holds claimed by another Holds
	p2 := newPlatform(t, catalog.Source{Slug: "aevil"}, catalog.Source{Slug: "lake"})
	p2.crawl("aevil", catalog.Observation{Name: "fake", Kind: catalog.Table, Description: "evil", Certified: true, Identifiers: []catalog.Identifier{id("file", "/l/sal", "")}})
	p2.crawl("lake", catalog.Observation{Name: "hr.salaries", Kind: catalog.Table, Description: "pay", Identifiers: []catalog.Identifier{id("file", "/l/sal", "")}})
	_, text := p2.whole("lake", "hr.salaries")
	t.Log("first come:", text)
}

func TestZZStaleBridge(t *testing.T) {
	p := newPlatform(t, catalog.Source{Slug: "one"}, catalog.Source{Slug: "two"}, catalog.Source{Slug: "three"})
	p.crawl("one", catalog.Observation{Name: "m", Kind: catalog.Table, Identifiers: []catalog.Identifier{id("n", "x", "")}})
	p.crawl("two", catalog.Observation{Name: "b", Kind: catalog.Table, Standing: catalog.Serves, Identifiers: []catalog.Identifier{id("n", "x", ""), id("n", "y", "")}})
	p.crawl("three", catalog.Observation{Name: "c", Kind: catalog.Model, Standing: catalog.Describes, Identifiers: []catalog.Identifier{id("n", "y", "")}})
	_, text := p.whole("one", "m")
	t.Log("before:", text)
	p.crawl("two")
	_, text = p.whole("one", "m")
	t.Log("after the bridge is gone:", text)
	p.crawl("one", catalog.Observation{Name: "m", Kind: catalog.Table, Identifiers: []catalog.Identifier{id("n", "x", "")}})
	_, text = p.whole("one", "m")
	t.Log("after one crawled:", text)
}

func TestZZBombs(t *testing.T) {
	measure := func(what string, do func()) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		peak := uint64(0)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					peak = max(peak, m.HeapInuse)
				}
			}
		})
		start := time.Now()
		do()
		close(stop)
		wg.Wait()
		runtime.ReadMemStats(&after)
		t.Logf("%s: %v, allocated %d MiB, peak heap %d MiB", what, time.Since(start).Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20, peak>>20)
	}
	const n = 2000
	t.Run("chain", func(t *testing.T) {
		p := newPlatform(t, catalog.Source{Slug: "a"})
		var list []catalog.Observation
		for i := range n {
			list = append(list, catalog.Observation{Name: fmt.Sprint("d", i), Kind: catalog.Table, Identifiers: []catalog.Identifier{id("n", fmt.Sprint(i), ""), id("n", fmt.Sprint(i+1), "")},
				Columns: []catalog.Column{{Path: "a", Comment: strings.Repeat("x ", 500)}}})
		}
		measure("chain crawl+join", func() { p.crawl("a", list...) })
		measure("join again", func() { _ = p.Join(context.Background(), "a") })
		measure("page", func() {
			w, _ := p.whole("a", "d7")
			c, _ := p.WholeColumns(context.Background(), &w, 100)
			t.Log(len(w.Others), len(c))
		})
		measure("crawl unchanged", func() { p.crawl("a", list...) })
	})
	t.Run("groups of 20 by 50 ids", func(t *testing.T) {
		p := newPlatform(t, catalog.Source{Slug: "a"})
		var list []catalog.Observation
		for i := range n {
			o := catalog.Observation{Name: fmt.Sprint("d", i), Kind: catalog.Table}
			for k := range 50 { // each id is shared by 20; ids permute
				o.Identifiers = append(o.Identifiers, id("n", fmt.Sprint(k, "-", (i*(2*k+1)+k)%n/20), ""))
			}
			list = append(list, o)
		}
		measure("crawl+join", func() { p.crawl("a", list...) })
		measure("join again", func() { _ = p.Join(context.Background(), "a") })
		measure("page", func() { w, _ := p.whole("a", "d7"); t.Log(len(w.Others)) })
	})
	t.Run("all share one", func(t *testing.T) {
		p := newPlatform(t, catalog.Source{Slug: "a"})
		var list []catalog.Observation
		for i := range n {
			list = append(list, catalog.Observation{Name: fmt.Sprint("d", i), Kind: catalog.Table, Identifiers: []catalog.Identifier{id("n", "x", "")}})
		}
		measure("crawl+join", func() { p.crawl("a", list...) })
		_, text := p.whole("a", "d7")
		t.Log(text)
	})
}

func TestZZRace(t *testing.T) {
	slugs := []string{"s0", "s1", "s2", "s3"}
	var src []catalog.Source
	for _, s := range slugs {
		src = append(src, catalog.Source{Slug: s})
	}
	p := newPlatform(t, src...)
	r := rand.New(rand.NewSource(7))
	make1 := func(k int) []catalog.Observation {
		var list []catalog.Observation
		for i := range 60 {
			o := catalog.Observation{Name: fmt.Sprint("d", i), Kind: catalog.Table, Standing: catalog.Standing(k % 3), Description: fmt.Sprint(r.Int63()),
				Columns: []catalog.Column{{Path: "a"}, {Path: fmt.Sprint("c", r.Intn(3))}}}
			for range r.Intn(3) {
				o.Identifiers = append(o.Identifiers, id("n", fmt.Sprint(r.Intn(150)), "r"))
			}
			if r.Intn(10) > 0 {
				list = append(list, o)
			}
		}
		return list
	}
	for round := range 20 {
		states := make([][]catalog.Observation, 4)
		for k := range states {
			states[k] = make1(k)
		}
		ids := make([]int64, 4)
		for k, s := range slugs {
			ids[k] = p.begin(s)
		}
		var wg sync.WaitGroup
		for k := range slugs {
			wg.Go(func() {
				run, err := catalog.Sync(context.Background(), p.Store, ids[k], held(states[k]), time.Now, slog.New(slog.DiscardHandler))
				if err != nil || run.State != catalog.CrawlFinished {
					t.Errorf("round %d: %s: %+v %v", round, slugs[k], run, err)
				}
			})
		}
		wg.Wait()
		before := p.groups()
		for _, s := range slugs {
			if err := p.Join(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		after := p.groups()
		diff := 0
		for k, v := range after {
			if before[k] != v {
				diff++
				if diff < 4 {
					t.Logf("round %d: %s was on %s, a fresh join puts it on %s", round, k, before[k], v)
				}
			}
		}
		if diff > 0 {
			t.Errorf("round %d: %d datasets stand elsewhere after joining once more", round, diff)
		}
	}
}

func (p *platform) groups() map[string]string {
	out := map[string]string{}
	for k := range 4 {
		for i := range 60 {
			d, err := p.Dataset(p.t.Context(), catalog.Key{Source: fmt.Sprint("s", k), Name: fmt.Sprint("d", i)})
			if err != nil || d.GoneAt != nil {
				continue
			}
			if d.MainID != nil {
				out[d.Key().String()] = fmt.Sprint(*d.MainID)
			} else {
				out[d.Key().String()] = "own"
			}
		}
	}
	return out
}
