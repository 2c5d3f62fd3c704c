package access_test

import (
	"testing"

	"portreeve/access"
	"portreeve/fault"
)

func TestPartingTellsTheLastWhoMayDecide(t *testing.T) {
	t.Parallel()
	s, ana, pool := open(t)
	admin := access.Act{Who: access.Principal{Person: access.Person{ID: 99, Role: access.Admin}}}
	owen, vera := member(t, pool, "Owen", "{}"), member(t, pool, "Vera", "{}")
	for _, err := range []error{
		s.AddTeam(t.Context(), admin, access.Team{Slug: "crew", Name: "Crew"}), s.AddDomain(t.Context(), admin, access.Domain{Slug: "flights", Name: "Flights"}),
		s.GiveRole(t.Context(), admin, owen, access.Steward), s.GiveRole(t.Context(), admin, ana.ID, access.Steward),
		s.AddMember(t.Context(), admin, "crew", owen), s.AddMember(t.Context(), admin, "crew", vera), s.AddSteward(t.Context(), admin, "flights", owen),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	member := func(id int64) bool {
		p, err := s.PartingMember(t.Context(), "crew", id)
		if err != nil {
			t.Fatal(err)
		}
		return p.Last
	}
	steward := func(id int64) bool {
		p, err := s.PartingSteward(t.Context(), "flights", id)
		if err != nil {
			t.Fatal(err)
		}
		return p.Last
	}
	if !member(owen) || member(vera) || member(ana.ID) || !steward(owen) || steward(ana.ID) {
		t.Error("of one who may decide, one who may not, and a stranger, it is not the first who is the last")
	}
	for _, err := range []error{s.AddMember(t.Context(), admin, "crew", ana.ID), s.AddSteward(t.Context(), admin, "flights", ana.ID)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if member(owen) || member(ana.ID) || steward(owen) {
		t.Error("of two who may decide one is the last")
	}
	if _, err := pool.Exec(t.Context(), `UPDATE person SET disabled_at = now() WHERE id = $1`, ana.ID); err != nil {
		t.Fatal(err)
	}
	if !member(owen) || !steward(owen) {
		t.Error("somebody who is disabled counts as one who may decide")
	}
	_, err := s.PartingMember(t.Context(), "crew", 1<<40)
	wantKind(t, err, fault.Invalid)
}
