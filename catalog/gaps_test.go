package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// ofTeam is a table that its source says belongs to a team.
func ofTeam(name, team string) catalog.Observation {
	o := table(name, "id")
	o.Team = team
	return o
}

// gapsOf returns the gaps that a filter leaves, by name.
func (d *desk) gapsOf(t *testing.T, f catalog.GapFilter) map[string]catalog.Gap {
	t.Helper()
	gaps, _, err := d.Gaps(t.Context(), f, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]catalog.Gap{}
	for _, g := range gaps {
		byName[g.Name] = g
	}
	return byName
}

func (d *desk) run(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := d.db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func TestGapsAreWhatNobodyAnswersFor(t *testing.T) {
	t.Parallel()
	certified := ofTeam("certified", "")
	certified.Certified = true
	d := newDesk(t, ofTeam("owned", "ops"), ofTeam("nobodys", ""), ofTeam("unknown", "ghosts"), ofTeam("gone", "sales"), ofTeam("left", ""),
		ofTeam("one_left", ""), ofTeam("left_with_team", "ops"), certified)
	owen, otto := catalog.FormatID(d.owner.Who.ID), catalog.FormatID(d.other.Who.ID)
	d.edit(t, d.admin, "left", set("owners", `["`+otto+`"]`))
	d.edit(t, d.admin, "one_left", set("owners", `["`+otto+`","`+owen+`"]`))
	d.edit(t, d.admin, "left_with_team", set("owners", `["`+otto+`"]`))
	d.run(t, `UPDATE person SET disabled_at = now() WHERE name = 'Otto'`)
	d.run(t, `UPDATE team SET gone_at = now() WHERE slug = 'sales'`)
	got := map[string]catalog.GapKind{}
	for name, g := range d.gapsOf(t, catalog.GapFilter{}) {
		got[name] = g.Gap
	}
	want := map[string]catalog.GapKind{
		"nobodys": catalog.GapNone, "certified": catalog.GapNone, "unknown": catalog.GapTeam, "gone": catalog.GapTeam, "left": catalog.GapLeft,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
	_, counts, err := d.Gaps(t.Context(), catalog.GapFilter{Kind: catalog.GapLeft}, 10, 10) // beyond the end they are counted too
	if diff := cmp.Diff(catalog.GapCounts{All: 5, None: 2, Left: 1, Team: 2, Certified: 1}, counts); diff != "" || err != nil {
		t.Errorf("counts (-want +got):\n%s%v", diff, err)
	}
	if only := d.gapsOf(t, catalog.GapFilter{Certified: true}); len(only) != 1 || only["certified"].ID == 0 {
		t.Errorf("certified gaps: %v", only)
	}
	if only := d.gapsOf(t, catalog.GapFilter{Kind: catalog.GapLeft}); len(only) != 1 || only["left"].ID == 0 {
		t.Errorf("gaps whose owner left: %v", only)
	}
	for name, g := range d.gapsOf(t, catalog.GapFilter{}) { // what a page that gives one away asks
		if one, open, err := d.Gap(t.Context(), g.ID); err != nil || !open || one.Gap != g.Gap {
			t.Errorf("gap of %s: %+v, %v, %v", name, one, open, err)
		}
	}
	d.edit(t, d.admin, "nobodys", set("team", "ops"))
	if _, still := d.gapsOf(t, catalog.GapFilter{})["nobodys"]; still {
		t.Error("what was given to a team is still a gap")
	}
	stranger, err := d.Strangers(t.Context(), 10)
	if diff := cmp.Diff([]catalog.NamedCount{{Slug: "ghosts", Datasets: 1}, {Slug: "sales", Datasets: 1}}, stranger); diff != "" || err != nil {
		t.Errorf("teams that are none (-want +got):\n%s%v", diff, err)
	}
}

func TestProposalsSayWhy(t *testing.T) {
	t.Parallel()
	d := newDesk(t, ofTeam("a", "ops"), ofTeam("b", "ops"), ofTeam("c", "sales"), ofTeam("nobodys", ""), ofTeam("sales_daily", ""))
	d.run(t, `INSERT INTO dataset_open (person_id, dataset_id, opens) SELECT $1, id, 9 FROM dataset WHERE name = 'nobodys'`, d.other.Who.ID)
	d.run(t, `INSERT INTO dataset_open (person_id, dataset_id, opens) SELECT $1, id, 99 FROM dataset WHERE name = 'sales_daily'`, d.steward.Who.ID)
	d.edit(t, d.admin, "sales_daily", set("description", "Sales by day"))
	got := map[string][]catalog.Proposal{}
	for name, g := range d.gapsOf(t, catalog.GapFilter{}) {
		for i := range g.Proposals {
			p := g.Proposals[i]
			got[name] = append(got[name], catalog.Proposal{Team: p.Team, Person: p.Person, Name: p.Name, Evidence: p.Evidence[:1]})
		}
	}
	beside := func(n string) []string {
		return []string{"owns " + n + " of 3 datasets beside it in raw that have a team"}
	}
	want := map[string][]catalog.Proposal{
		"nobodys": {
			{Team: "sales", Name: "Sales", Evidence: beside("1")},
			{Team: "ops", Name: "Operations", Evidence: beside("2")},
		},
		"sales_daily": {
			{Team: "sales", Name: "Sales", Evidence: beside("1")},
			{Team: "ops", Name: "Operations", Evidence: beside("2")},
			{Person: d.steward.Who.ID, Name: "Stella", Evidence: []string{"opened it 99 times in 90 days"}},
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(catalog.Proposal{})); diff != "" {
		t.Errorf("proposals (-want +got):\n%s", diff)
	}
}

func TestOwnedTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	late := ofTeam("late", "ops")
	said := ofTeam("said", "ops")
	said.Description = "Described"
	d := newDesk(t, late, said, ofTeam("broken", "ops"), ofTeam("other", "sales"))
	d.edit(t, d.admin, "late", set("fresh_within", "3600"))
	d.run(t, `UPDATE dataset SET data_at = now() - interval '2 hours' WHERE name IN ('late', 'said')`)
	d.run(t, `UPDATE dataset SET problem = 'no' WHERE name = 'broken'`)
	d.run(t, `INSERT INTO access_request (dataset_id, person_id, purpose, until) SELECT id, $1, 'p', now() FROM dataset WHERE name = 'said'`, d.viewer.Who.ID)
	d.edit(t, d.admin, "other", set("owners", `["`+catalog.FormatID(d.owner.Who.ID)+`"]`), set("terms", `["delay"]`), set("domain", "shop"))
	figures, err := d.OwnedFigures(t.Context(), catalog.Holder{Team: "ops"})
	if diff := cmp.Diff(catalog.OwnedFigures{Datasets: 3, Unreadable: 1, Late: 1, Unsaid: 2, Requests: 1}, figures); diff != "" || err != nil {
		t.Errorf("figures (-want +got):\n%s%v", diff, err)
	}
	names := func(of catalog.Holder, wrong string) (names []string) {
		rows, err := d.Owned(t.Context(), of, wrong, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			names = append(names, rows[i].Name)
		}
		return names
	}
	for _, tt := range []struct {
		of    catalog.Holder
		wrong string
		want  []string
	}{
		{catalog.Holder{Team: "ops"}, "", []string{"broken", "late", "said"}},
		{catalog.Holder{Team: "ops"}, catalog.WrongUnreadable, []string{"broken"}},
		{catalog.Holder{Team: "ops"}, catalog.WrongLate, []string{"late"}},
		{catalog.Holder{Team: "ops"}, catalog.WrongUnsaid, []string{"broken", "late"}},
		{catalog.Holder{Team: "ops"}, catalog.WrongRequests, []string{"said"}},
		{catalog.Holder{Person: d.owner.Who.ID}, "", []string{"other"}},
		{catalog.Holder{Term: "delay"}, "", []string{"other"}},
		{catalog.Holder{Domain: "shop"}, "", []string{"other"}},
		{catalog.Holder{}, "", nil},
	} {
		if diff := cmp.Diff(tt.want, names(tt.of, tt.wrong)); diff != "" {
			t.Errorf("%+v %s (-want +got):\n%s", tt.of, tt.wrong, diff)
		}
	}
	teams, err := d.TeamFigures(t.Context(), []string{"ops", "sales", "none"})
	want := map[string]catalog.OwnedFigures{"ops": {Datasets: 3, Unreadable: 1, Late: 1}, "sales": {Datasets: 1}}
	if diff := cmp.Diff(want, teams); diff != "" || err != nil {
		t.Errorf("figures of teams (-want +got):\n%s%v", diff, err)
	}
}

func TestWordsDoNotChangeTheShape(t *testing.T) {
	t.Parallel()
	d := newDesk(t, ofTeam("a", "ops"))
	changed := func() catalog.Changed {
		key := catalog.Key{Source: "lake", Name: "a"}
		one, err := d.Dataset(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := d.Whole(t.Context(), one)
		if err != nil {
			t.Fatal(err)
		}
		c, err := d.Changed(t.Context(), &whole)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := changed()
	if before.Shape == nil || before.Words != nil {
		t.Fatalf("at first sight: %+v", before)
	}
	d.edit(t, d.admin, "a", set("title", "A table"), set("team", "sales"))
	if after := changed(); after.Words == nil || !after.Words.After(*before.Shape) || !after.Shape.Equal(*before.Shape) {
		t.Errorf("after an edit of title and team: %+v, before %+v", after, before)
	}
}

func TestGlossary(t *testing.T) {
	t.Parallel()
	d := newDesk(t, ofTeam("a", "ops"))
	add := func(by access.Act, slug, domain string) error {
		return d.AddTerm(t.Context(), by, catalog.Term{Slug: slug, Name: slug, Definition: "What it is", Domain: domain})
	}
	for _, tt := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"a steward defines in their domain", add(d.steward, "block-time", "flights"), 0},
		{"and for the whole company", add(d.steward, "customer", ""), 0},
		{"but not elsewhere", add(d.steward, "basket", "shop"), fault.Forbidden},
		{"an owner defines nothing", add(d.owner, "basket", ""), fault.Forbidden},
		{"an admin everything", add(d.admin, "basket", "shop"), 0},
		{"a term there is", add(d.admin, "delay", ""), fault.Invalid},
		{"a name that is none", add(d.admin, "Block Time", ""), fault.Invalid},
		{"the name of the page that adds", add(d.admin, "new", ""), fault.Invalid},
	} {
		if tt.want == 0 && tt.err != nil || tt.want != 0 && fault.KindOf(tt.err) != tt.want {
			t.Errorf("%s: %v", tt.name, tt.err)
		}
	}
	basket, err := d.Term(t.Context(), "basket")
	if err != nil {
		t.Fatal(err)
	}
	mine := basket
	mine.Domain = "flights"
	if err := d.SaveTerm(t.Context(), d.steward, mine, basket.ChangedAt); fault.KindOf(err) != fault.Forbidden {
		t.Error("a steward drew another domain's term into theirs:", err)
	}
	basket.Definition = "What somebody is about to buy"
	if err := d.SaveTerm(t.Context(), d.admin, basket, basket.ChangedAt); err != nil {
		t.Fatal(err)
	}
	if err := d.SaveTerm(t.Context(), d.admin, basket, basket.ChangedAt); fault.KindOf(err) != fault.Conflict {
		t.Error("a change that its author has not seen was replaced:", err)
	}
	d.edit(t, d.admin, "a", set("terms", `["basket"]`))
	if err := d.DeleteTerm(t.Context(), d.admin, "basket"); fault.KindOf(err) != fault.Conflict {
		t.Error("a term that a dataset carries was deleted:", err)
	}
	found, total, err := d.Terms(t.Context(), "about to BUY", "", 0, 10)
	if err != nil || total != 1 || found[0].Slug != "basket" || found[0].Datasets != 1 || found[0].Person != "Ada" {
		t.Errorf("found %+v, %d, %v", found, total, err)
	}
}
