package catalogtest

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/fault"
)

func listsAll(t *testing.T, s *suite) {
	t.Helper()
	scope, other := s.scope(t), s.scope(t)
	var want []string
	for i := range 5 {
		name := "table_" + strconv.Itoa(i)
		s.System.Create(t, scope, name, idTable)
		want = append(want, s.Name(scope, name))
	}
	s.System.Create(t, other, "elsewhere", idTable)
	scopes, err := s.Connection.Crawler.Scopes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Flat != "" {
		if !slices.Equal(scopes, []string{s.Flat}) {
			t.Errorf("Scopes() = %q, want just %q", scopes, s.Flat)
		}
	} else if !slices.Contains(scopes, scope) || !slices.Contains(scopes, other) {
		t.Errorf("Scopes() = %q, want %q and %q among them", scopes, scope, other)
	}
	seen, failed := s.crawl(t, scope)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(seen))); diff != "" || len(failed) > 0 {
		t.Errorf("errors %v, names (-want +got):\n%s", failed, diff)
	}
}

func emptyScope(t *testing.T, s *suite) {
	t.Helper()
	if seen, failed := s.crawl(t, s.scope(t)); len(seen) > 0 || len(failed) > 0 {
		t.Errorf("crawl of an empty scope: %v, errors %v", seen, failed)
	}
}

func missingScope(t *testing.T, s *suite) {
	t.Helper()
	s.scope(t) // a system without any scope may fail in another way
	elements := 0
	var last error
	for o, err := range s.Connection.Crawler.Datasets(t.Context(), "no_such_scope", nil) {
		elements++
		last = err
		if o.Name != "" {
			t.Errorf("a missing scope has the dataset %s", o.Name)
		}
	}
	if elements != 1 {
		t.Fatalf("%d elements, want one", elements)
	}
	wantKind(t, last, fault.NotFound)
}

func oddNames(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	var want []string
	for _, name := range s.OddNames {
		s.System.Create(t, scope, name, idTable)
		want = append(want, s.Name(scope, name))
	}
	slices.Sort(want)
	seen, failed := s.crawl(t, scope)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(seen))); diff != "" || len(failed) > 0 {
		t.Fatalf("errors %v, names (-want +got):\n%s", failed, diff)
	}
	for _, name := range want {
		if found, err := s.Connection.Crawler.Has(t.Context(), name); err != nil || !found {
			t.Errorf("Has(%s) = %v, %v", name, found, err)
		}
		if s.Connection.Planner == nil {
			continue
		}
		if plan, err := s.Connection.Planner.Plan(t.Context(), name); err != nil || plan.Key.Name != name {
			t.Errorf("Plan(%s) = %v, %v", name, plan, err)
		}
	}
}

func seesChanges(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	s.System.Create(t, scope, "changing", idTable)
	if got := paths(s.one(t, scope)); !slices.Equal(got, []string{"id"}) {
		t.Fatalf("columns %q at first", got)
	}
	s.System.AddColumn(t, scope, "changing", Column{Name: "added", Type: Text})
	if got := paths(s.one(t, scope)); !slices.Equal(got, []string{"id", "added"}) {
		t.Errorf("columns %q after one was added", got)
	}
}

func seesDrop(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	s.System.Create(t, scope, "kept", idTable)
	s.System.Create(t, scope, "dropped", idTable)
	if seen, _ := s.crawl(t, scope); len(seen) != 2 {
		t.Fatalf("%d datasets at first, want two", len(seen))
	}
	s.System.Drop(t, scope, "dropped")
	if o := s.one(t, scope); o.Name != s.Name(scope, "kept") {
		t.Errorf("%s is left after the drop", o.Name)
	}
}

func knowsUnchanged(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	for _, name := range []string{"same", "grown", "altered", "unknown"} {
		s.System.Create(t, scope, name, idTable)
	}
	seen, failed := s.crawl(t, scope)
	known := catalog.Known{}
	for name, o := range seen {
		if o.Version == "" || o.Unchanged {
			t.Errorf("%s: version %q, unchanged %v in a first crawl", name, o.Version, o.Unchanged)
		}
		known[name] = o.Version
	}
	if len(failed) > 0 {
		t.Fatal(failed)
	}
	delete(known, s.Name(scope, "unknown"))
	changed := map[string]bool{s.Name(scope, "unknown"): true}
	if s.Snapshots || s.Appends {
		s.System.Append(t, scope, "grown", 1)
		changed[s.Name(scope, "grown")] = true
	}
	if !s.NoColumns {
		s.System.AddColumn(t, scope, "altered", Column{Name: "added", Type: Text})
		changed[s.Name(scope, "altered")] = true
	}
	again, failed := s.crawlKnowing(t, scope, known)
	if len(again) != 4 || len(failed) > 0 {
		t.Fatalf("%d datasets the second time, errors %v", len(again), failed)
	}
	for name, o := range again {
		if o.Unchanged == changed[name] {
			t.Errorf("%s: unchanged is %v", name, o.Unchanged)
		}
		if !o.Unchanged && o.Version == known[name] {
			t.Errorf("%s has changed and its version has not", name)
		}
	}
}

func identifies(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	s.System.Create(t, scope, "known_as", idTable)
	o, kind := s.one(t, scope), s.Kind
	if kind == "" {
		kind = catalog.Table
	}
	if o.Kind != kind || o.Standing < catalog.Holds || o.Standing > catalog.Describes {
		t.Errorf("kind %s of standing %d, want %s", o.Kind, o.Standing, kind)
	}
	for _, id := range o.Identifiers {
		if namespace, name := catalog.Normal(id.Namespace, id.Name); namespace == "" || name == "" || id.Rule == "" {
			t.Errorf("the identifier %+v says too little", id)
		}
	}
}

func paths(o catalog.Observation) []string {
	out := make([]string, len(o.Columns))
	for i, c := range o.Columns {
		out[i] = c.Path
	}
	return out
}

func brokenDataset(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	for _, name := range []string{"a_good", "b_broken", "c_good"} {
		s.System.Create(t, scope, name, idTable)
	}
	s.System.Break(t, scope, "b_broken")
	seen, failed := s.crawl(t, scope)
	broken := s.Name(scope, "b_broken")
	if len(seen) != 3 || len(failed) != 1 || failed[broken] == nil {
		t.Fatalf("crawl saw %q, errors %v; want three datasets and an error for %s", slices.Sorted(maps.Keys(seen)), failed, broken)
	}
	wantKind(t, failed[broken], fault.Unavailable)
	if found, err := s.Connection.Crawler.Has(t.Context(), broken); err != nil || !found {
		t.Errorf("Has(%s) = %v, %v: it is there, though broken", broken, found, err)
	}
}

func has(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	s.System.Create(t, scope, "there", idTable)
	for name, want := range map[string]bool{
		s.Name(scope, "there"):           true,
		s.Name(scope, "There"):           false,
		s.Name(scope, "not_there"):       false,
		s.Name("no_such_scope", "there"): false,
		"":                               false,
		"there":                          false,
	} {
		if got, err := s.Connection.Crawler.Has(t.Context(), name); err != nil || got != want {
			t.Errorf("Has(%q) = %v, %v; want %v", name, got, err, want)
		}
	}
	s.System.Drop(t, scope, "there")
	if got, err := s.Connection.Crawler.Has(t.Context(), s.Name(scope, "there")); err != nil || got {
		t.Errorf("Has after the drop = %v, %v", got, err)
	}
}

func renames(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	s.System.Create(t, scope, "before", idTable)
	s.System.Create(t, scope, "other", idTable)
	seen, _ := s.crawl(t, scope)
	id := seen[s.Name(scope, "before")].NativeID
	if id == "" || id == seen[s.Name(scope, "other")].NativeID {
		t.Fatalf("the native id is %q, that of another dataset %q", id, seen[s.Name(scope, "other")].NativeID)
	}
	s.System.Rename(t, scope, "before", "after")
	seen, _ = s.crawl(t, scope)
	if got := seen[s.Name(scope, "after")].NativeID; got != id {
		t.Errorf("the native id is %q after the rename, want %q", got, id)
	}
	if found, err := s.Connection.Crawler.Has(t.Context(), s.Name(scope, "before")); err != nil || found {
		t.Errorf("Has of the old name = %v, %v", found, err)
	}
}

func stopsEarly(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	for i := range 3 {
		s.System.Create(t, scope, "table_"+strconv.Itoa(i), idTable)
	}
	for range 10 { // more often than a pool has connections
		for _, err := range s.Connection.Crawler.Datasets(t.Context(), s.real(scope), nil) {
			if err != nil {
				t.Fatal(err)
			}
			break // a stream that goes on after this panics
		}
	}
	if seen, failed := s.crawl(t, scope); len(seen) != 3 || len(failed) > 0 {
		t.Errorf("a crawl afterwards: %d datasets, errors %v", len(seen), failed)
	}
}

func cancelled(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	for i := range 3 {
		s.System.Create(t, scope, "table_"+strconv.Itoa(i), idTable)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	late := time.AfterFunc(5*time.Second, func() { t.Error("the stream goes on") })
	defer late.Stop()
	good, elements := 0, 0
	var last error
	for _, err := range s.Connection.Crawler.Datasets(ctx, s.real(scope), nil) {
		elements++
		if err == nil {
			good++
		}
		last = err
		cancel()
	}
	// What was read ahead may still come, but the stream must not pass for whole.
	if last == nil || (elements > 4 && s.Flat == "") {
		t.Errorf("%d elements, %d of them good, the last error %v; want an error at the end", elements, good, last)
	}
}
