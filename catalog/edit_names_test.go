package catalog_test

import (
	"strings"
	"testing"

	"portreeve/catalog"
	"portreeve/fault"
)

// People write names where a slug is kept; what several are called is told.
func TestEditByName(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"), owned("orders", "a"), owned("bills", "a"))
	const more = `INSERT INTO team (slug, name) VALUES ('s1', 'Support'), ('s2', 'support')`
	if _, err := d.db.Exec(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	d.edit(t, d.admin, "bills", set("title", "All bills"))
	d.edit(t, d.admin, "t", set("team", " Sales "), set("domain", "SHOP"), set("terms", `["Delay"]`), set("successor", "all bills"))
	got := d.dataset(t, "t")
	if got.Team != "sales" || got.Domain != "shop" || strings.Join(got.Terms, " ") != "delay" || got.Successor != "lake/bills" {
		t.Errorf("team %q, domain %q, terms %q, successor %q", got.Team, got.Domain, got.Terms, got.Successor)
	}
	d.edit(t, d.admin, "t", set("successor", "orders"), catalog.Edit{Field: "terms", Remove: []string{"Delay"}})
	if got = d.dataset(t, "t"); got.Successor != "lake/orders" || len(got.Terms) != 0 {
		t.Errorf("successor %q, terms %q", got.Successor, got.Terms)
	}
	err := d.Edit(t.Context(), d.admin, lake("t"), set("team", "Support"))
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "more than one") {
		t.Errorf("a name of two teams: %v", err)
	}
}

// All that is wrong is told at once.
func TestEditTellsAllErrors(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	err := d.Edit(
		t.Context(), d.admin, lake("t"), set("tags", `["<"]`), set("sunset", "2020-01-01"), set("team", "nobody"), set("domain", "nowhere"),
		set("successor", "lake/t"),
	)
	if fault.KindOf(err) != fault.Invalid {
		t.Fatal(err)
	}
	for _, want := range []string{`the tag "<"`, "the last day cannot be in the past", `no team "nobody"`, `no domain "nowhere"`, "is lake/t itself"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestSuccessorsDoNotLeadBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("a", "x"), owned("b", "x"), owned("c", "x"))
	d.edit(t, d.admin, "a", set("successor", "lake/b"))
	d.edit(t, d.admin, "b", set("successor", "lake/c"))
	if err := d.Edit(t.Context(), d.admin, lake("c"), set("successor", "lake/a")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a way back to itself: %v", err)
	}
	d.edit(t, d.admin, "b", set("successor", ""))
	d.edit(t, d.admin, "c", set("successor", "lake/a"))
}

// What is deprecated is no longer certified, and an undo of both brings both back.
func TestDeprecatedIsNotCertified(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	d.edit(t, d.owner, "t", set("certified", "yes"))
	d.edit(t, d.owner, "t", set("deprecated", "old"))
	got := d.dataset(t, "t")
	if got.Certified || got.Deprecated != "old" {
		t.Errorf("certified %v, deprecated %q", got.Certified, got.Deprecated)
	}
	if err := d.Edit(t.Context(), d.owner, lake("t"), set("certified", "yes")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("certifying what is deprecated: %v", err)
	}
	before := len(d.versions(t, "t"))
	newest, err := d.NewestEdits(t.Context(), got.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Undo(t.Context(), d.owner, newest["deprecated"], newest["certified"]); err != nil {
		t.Fatal(err)
	}
	if got = d.dataset(t, "t"); !got.Certified || got.Deprecated != "" {
		t.Errorf("undone: certified %v, deprecated %q", got.Certified, got.Deprecated)
	}
	if n := len(d.versions(t, "t")); n != before+1 {
		t.Errorf("the undo made %d versions, want 1", n-before)
	}
	newer, err := d.NewerEdits(t.Context(), got.ID, []int64{newest["deprecated"]})
	if err != nil || len(newer) != 1 || newer[0].New != nil || newer[0].Person != "Owen" {
		t.Errorf("newer than what was undone: %+v, %v", newer, err)
	}
}

func (d *desk) versions(t *testing.T, name string) []catalog.Version {
	t.Helper()
	versions, err := d.Versions(t.Context(), d.dataset(t, name).ID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return versions
}
