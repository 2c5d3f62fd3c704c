package notify_test

import (
	"net/url"
	"strings"
	"testing"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/notify"
)

func TestSearchTarget(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, query, want string }{
		{"one form whatever the order", "team=b&team=a&q=+fares+&sort=name&offset=20", "q=fares&team=a&team=b"},
		{"with a question mark", "?q=fares", "q=fares"},
		{"twice the same", "q=fares&team=a&team=a", "q=fares&team=a"},
		{"what is no filter does not count", "q=fares&utm=x&kind=", "q=fares"},
		{"everything", "sort=name", ""},
		{"no query", "%zz", ""},
		{"too long", "q=" + strings.Repeat("x", 3000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := notify.SearchTarget(tt.query)
			if got != tt.want || (tt.want == "") != (fault.KindOf(err) == fault.Invalid && err != nil) {
				t.Errorf("SearchTarget(%q) = %q, %v; want %q", tt.query, got, err, tt.want)
			}
		})
	}
}

func TestWatchedSearch(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	store := catalog.NewStore(w.pool)
	look := func() {
		t.Helper()
		w.ok(store.Reindex(t.Context()))
		w.ok(w.Look(t.Context(), store))
		w.ok(w.Look(t.Context(), store)) // at once again: nothing is due
		w.exec(`UPDATE watch SET looked_at = looked_at - interval '1 hour'`)
	}
	add := func(name string) {
		t.Helper()
		w.exec(`INSERT INTO dataset (source_id, name, scope, kind, team) SELECT id, $1, '', 'table', 'sales' FROM source`, name)
	}
	_, err := w.WatchSearch(t.Context(), by(w.ana), url.Values{"q": {"flights"}}.Encode(), notify.AtOnce)
	w.ok(err)
	look()
	w.wantTold(w.ana) // what it found first is what later looks are compared with

	add("core.flights")
	add("core.hotels")
	look()
	w.wantTold(w.ana, "match: lake/core.flights is found by “flights”: ")

	add("mart.flights")
	add("dev.flights")
	look()
	if got := w.told(w.ana); len(got) != 2 || !strings.HasPrefix(got[1], "match: 2 more datasets are found by “flights”: lake/") {
		t.Errorf("told %q", got)
	}
	look()
	if got := w.told(w.ana); len(got) != 2 {
		t.Errorf("told again of what was found before: %q", got)
	}
}

// A search that cannot be answered any more says so where it is watched and is told of again once it can.
func TestWatchedSearchWithAProblem(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	store := catalog.NewStore(w.pool)
	w.exec(`INSERT INTO watch (person_id, kind, target) VALUES ($1, 'search', 'q=%22open')`, w.ana.ID)
	w.exec(`INSERT INTO watch (person_id, kind, target) VALUES ($1, 'search', 'q=' || repeat('word+', 300))`, w.ana.ID)
	w.ok(w.Look(t.Context(), store))
	list, err := w.Watches(t.Context(), w.ana.ID)
	w.ok(err)
	if len(list) != 2 || list[0].Problem == "" {
		t.Errorf("the watches are %+v", list)
	}
}
