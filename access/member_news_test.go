package access_test

import (
	"testing"

	"portreeve/access"
)

func TestPeoplePutIntoTeamsAndDomainsAreTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ida, sten := o.who("Ida", "", access.Admin), o.who("Sten", "", access.Steward)
	ok := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, act := t.Context(), by(ida, "")
	ok(o.AddTeam(ctx, act, access.Team{Slug: "desk", Name: "Desk"}), o.AddDomain(ctx, act, access.Domain{Slug: "people", Name: "People"}))
	ok(o.AddMember(ctx, act, "desk", sten.ID), o.AddMember(ctx, act, "desk", ida.ID), o.RemoveMember(ctx, act, "desk", sten.ID))
	ok(o.AddSteward(ctx, act, "people", sten.ID), o.RemoveSteward(ctx, act, "people", sten.ID))
	once := map[string]bool{}
	for _, n := range o.told {
		once[n.Once] = true
	}
	o.want("told, and not of one's own doing", []string{
		"Sten: Ida put you into the team desk", "Sten: Ida took you out of the team desk",
		"Sten: Ida made you a steward of people", "Sten: Ida took you off the stewards of people",
	}, o.hears())
	if len(once) != 4 {
		t.Errorf("told %d different things, want 4", len(once))
	}
}
