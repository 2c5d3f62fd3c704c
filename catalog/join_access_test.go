package catalog_test

import (
	"testing"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

func (p *platform) subject(source, name string) access.Subject {
	p.t.Helper()
	d, err := p.Dataset(p.t.Context(), catalog.Key{Source: source, Name: name})
	if err != nil {
		p.t.Fatal(err)
	}
	of, err := p.Subjects(p.t.Context(), []int64{d.ID})
	if err != nil {
		p.t.Fatal(err)
	}
	w, _ := p.whole(source, name)
	if got := w.Subject(); got.Restricted != of[d.ID].Restricted || got.Team != of[d.ID].Team {
		p.t.Errorf("the page of %s/%s says %+v, the list %+v", source, name, got, of[d.ID])
	}
	return of[d.ID]
}

// admin may change anything, and what they do is recorded.
func (p *platform) admin() access.Act {
	p.t.Helper()
	key, err := access.ParseKey(access.NewKey())
	if err != nil {
		p.t.Fatal(err)
	}
	p.Audit = access.NewAudit(key)
	return access.Act{Who: access.Principal{Person: access.Person{ID: 1, Name: "Ada", Role: access.Admin}}, Via: "test"}
}

func (p *platform) restrict(source, name string) {
	p.t.Helper()
	closed := catalog.Restricted
	if err := p.Edit(p.t.Context(), p.admin(), catalog.Key{Source: source, Name: name}, catalog.Edit{Field: catalog.FieldAccess, Value: &closed}); err != nil {
		p.t.Fatal(err)
	}
}

// What is restricted under one name stays so under every other, whatever becomes of the first.
func TestRestrictionOutlivesTheJoin(t *testing.T) {
	t.Parallel()
	without := trinoOrders
	without.Identifiers = trinoOrders.Identifiers[:1]
	for what, apart := range map[string]func(*platform){
		"its keeper is gone":        func(p *platform) { p.crawl("lake") },
		"nothing joins them":        func(p *platform) { p.crawl("trino", without) },
		"the other comes only now":  func(p *platform) { p.crawl("trino"); p.crawl("trino", trinoOrders) },
		"it is not joined yet":      func(p *platform) { p.sql(`UPDATE dataset SET main_id = NULL`) },
		"both were gone for a time": func(p *platform) { p.crawl("trino"); p.crawl("lake"); p.crawl("trino", trinoOrders) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newShop(t)
			p.crawl("lake", lakeOrders)
			p.crawl("trino", trinoOrders)
			p.restrict("lake", "raw.orders")
			if !p.subject("trino", "lake.raw.orders").Restricted {
				t.Fatal("it is not restricted while they are one")
			}
			apart(p)
			if !p.subject("trino", "lake.raw.orders").Restricted {
				t.Error("it is open")
			}
		})
	}
	p := newShop(t)
	p.crawl("lake", lakeOrders)
	p.crawl("trino", trinoOrders)
	p.restrict("lake", "raw.orders")
	p.crawl("lake")
	open := catalog.Open
	if err := p.Edit(t.Context(), p.admin(), catalog.Key{Source: "trino", Name: "lake.raw.orders"}, catalog.Edit{Field: catalog.FieldAccess, Value: &open}); err != nil {
		t.Fatal(err)
	}
	if p.subject("trino", "lake.raw.orders").Restricted {
		t.Error("what is left cannot be opened")
	}
}

// Who only describes a dataset says whose it is as long as it is open.
func TestDescribersGiveNoRightToRows(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.sql(`INSERT INTO team (slug, name) VALUES ('shop', 'Shop')`)
	p.crawl("dbt", dbtOrders)
	p.crawl("trino", trinoOrders)
	p.crawl("lake", lakeOrders)
	if got := p.subject("lake", "raw.orders").Team; got != "shop" {
		t.Errorf("of an open one the team is %q", got)
	}
	p.restrict("lake", "raw.orders") // says whose it is from now on
	if got := p.subject("lake", "raw.orders").Team; got != "shop" {
		t.Errorf("who restricts it loses it: the team is %q", got)
	}

	q := newShop(t)
	q.crawl("lake", lakeOrders)
	q.restrict("lake", "raw.orders")
	q.crawl("trino", trinoOrders)
	q.crawl("dbt", dbtOrders)
	if got := q.subject("lake", "raw.orders"); got.Team != "" || !got.Restricted {
		t.Errorf("a description makes %+v of it", got)
	}
}

// Nobody reads what is restricted by taking it.
func TestTakingWhatIsRestricted(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.crawl("lake", lakeOrders)
	owen := access.Principal{Person: access.Person{ID: 7, Name: "Owen", Role: access.Owner}}
	d, err := p.Dataset(t.Context(), catalog.Key{Source: "lake", Name: "raw.orders"})
	if err != nil || !d.MayEdit(owen) {
		t.Fatalf("an owner may not take what is open: %v", err)
	}
	p.restrict("lake", "raw.orders")
	take := catalog.Edit{Field: catalog.FieldOwners, Add: []string{"7"}}
	if err := p.Edit(t.Context(), access.Act{Who: owen}, d.Key(), take); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("an owner takes what is restricted: %v", err)
	}
}
