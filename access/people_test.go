package access_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
	"portreeve/fault"
)

// member adds a person of a provider who is in groups.
func member(t *testing.T, pool *pgxpool.Pool, name, groups string) (id int64) {
	t.Helper()
	const q = `INSERT INTO person (issuer, subject, name, role, groups) VALUES ('https://id.example.com', $1, $1, 'viewer', $2::text[]) RETURNING id`
	if err := pool.QueryRow(t.Context(), q, name, groups).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// apply makes the estate say d of people.
func apply(t *testing.T, s *access.Store, pool *pgxpool.Pool, d access.Declared) ([]string, error) {
	t.Helper()
	var changes []string
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
		changes, err = s.ApplyPeople(t.Context(), tx, access.Act{Via: "estate"}, d)
		return err
	})
	return changes, err
}

// declared is an estate with a team, a domain and what groups give.
func declared() access.Declared {
	return access.Declared{
		Teams:   []access.Team{{Slug: "data-eng", Name: "Data engineering", Contact: "#data-eng", DeclaredIn: "e.yaml:2"}},
		Domains: []access.Domain{{Slug: "flights", Name: "Flights", DeclaredIn: "e.yaml:5"}},
		Rules: []access.Rule{
			{Claim: "admins", Role: access.Admin, DeclaredIn: "e.yaml:9"},
			{Claim: "engineers", Team: "data-eng", DeclaredIn: "e.yaml:3"},
			{Claim: "engineers", Role: access.Owner, DeclaredIn: "e.yaml:10"},
			{Claim: "keepers", Domain: "flights", DeclaredIn: "e.yaml:6"},
		},
	}
}

// standing is what somebody is: their role, their teams, and the domains that they keep.
type standing struct {
	Role           access.Role
	Team           string
	Teams, Domains []string
}

func standingOf(t *testing.T, s *access.Store, id int64) standing {
	t.Helper()
	p, err := s.Profile(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	got := standing{Role: p.Role, Team: p.Team}
	for _, m := range p.In {
		got.Teams = append(got.Teams, m.Slug)
	}
	for _, m := range p.Keeps {
		got.Domains = append(got.Domains, m.Slug)
	}
	return got
}

func TestApplyPeopleGivesWhatGroupsGive(t *testing.T) {
	t.Parallel()
	s, local, pool := open(t)
	tests := []struct {
		name, groups string
		want         standing
	}{
		{"a group of a team and a role", "{engineers}", standing{Role: access.Owner, Team: "data-eng", Teams: []string{"data-eng"}}},
		{"stewards of a domain have the role", "{keepers}", standing{Role: access.Steward, Domains: []string{"flights"}}},
		{"the strongest role holds", "{keepers,engineers,admins}", standing{access.Admin, "data-eng", []string{"data-eng"}, []string{"flights"}}},
		{"groups are compared as they are written", "{Engineers,ENGINEERS}", standing{Role: access.Viewer}},
		{"no rule gives the default", "{others}", standing{Role: access.Viewer}},
	}
	ids := make([]int64, len(tests))
	for i, tt := range tests {
		ids[i] = member(t, pool, tt.name, tt.groups)
	}
	if _, err := apply(t, s, pool, declared()); err != nil {
		t.Fatal(err)
	}
	for i, tt := range tests {
		if diff := cmp.Diff(tt.want, standingOf(t, s, ids[i])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if got := standingOf(t, s, local.ID); got.Role != access.Analyst {
		t.Errorf("a person of the portal itself was made %s", got.Role)
	}
}

func TestApplyPeopleAgainChangesNothing(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	first, err := apply(t, s, pool, declared())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"team data-eng added", "domain flights added", "rules of groups changed"}, first); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if again, err := apply(t, s, pool, declared()); err != nil || again != nil {
		t.Errorf("the second time: %v, %v", again, err)
	}
	var rows int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE action = 'estate.people'`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows in the audit log, %v; want one", rows, err)
	}
}

// What is declared no longer is gone, with what it gave; what an admin gave by hand stays.
func TestApplyPeopleTakesBack(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	eng := member(t, pool, "eng", "{engineers,keepers}")
	if _, err := apply(t, s, pool, declared()); err != nil {
		t.Fatal(err)
	}
	admin := access.Act{Who: access.Principal{Person: access.Person{ID: 1, Name: "Ada", Role: access.Admin}}, Via: "page"}
	if err := s.AddTeam(t.Context(), admin, access.Team{Slug: "by-hand", Name: "By hand"}); err != nil {
		t.Fatal(err)
	}
	if err := s.AddMember(t.Context(), admin, "by-hand", eng); err != nil {
		t.Fatal(err)
	}
	changes, err := apply(t, s, pool, access.Declared{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"team data-eng gone", "domain flights gone", "rules of groups changed"}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(standing{Role: access.Viewer, Team: "by-hand", Teams: []string{"by-hand"}}, standingOf(t, s, eng)); diff != "" {
		t.Errorf("who was in them (-want +got):\n%s", diff)
	}
	if gone, err := s.Team(t.Context(), "data-eng"); err != nil || gone.GoneAt == nil {
		t.Errorf("the team that was declared: %+v, %v", gone, err)
	}
	if _, err := apply(t, s, pool, declared()); err != nil {
		t.Fatal(err)
	}
	want := standing{access.Steward, "by-hand", []string{"by-hand", "data-eng"}, []string{"flights"}}
	if diff := cmp.Diff(want, standingOf(t, s, eng)); diff != "" {
		t.Errorf("after it came back (-want +got):\n%s", diff)
	}
}

func TestApplyPeopleRefusesWhatWasAddedByHand(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	admin := access.Act{Who: access.Principal{Person: access.Person{ID: 1, Name: "Ada", Role: access.Admin}}}
	if err := s.AddTeam(t.Context(), admin, access.Team{Slug: "data-eng", Name: "Ours"}); err != nil {
		t.Fatal(err)
	}
	_, err := apply(t, s, pool, declared())
	wantKind(t, err, fault.Conflict)
	if _, err := s.Domain(t.Context(), "flights"); fault.KindOf(err) != fault.NotFound {
		t.Error("half of the estate was applied:", err)
	}
}

func TestDeclaredTeamIsReadOnly(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	if _, err := apply(t, s, pool, declared()); err != nil {
		t.Fatal(err)
	}
	admin := access.Act{Who: access.Principal{Person: access.Person{ID: 1, Name: "Ada", Role: access.Admin}}}
	wantKind(t, s.SaveTeam(t.Context(), admin, access.Team{Slug: "data-eng", Name: "Other"}), fault.Conflict)
	wantKind(t, s.RetireTeam(t.Context(), admin, "data-eng"), fault.Conflict)
	wantKind(t, s.SaveDomain(t.Context(), admin, access.Domain{Slug: "flights", Name: "Other"}), fault.Conflict)
	wantKind(t, s.AddTeam(t.Context(), admin, access.Team{Slug: "data-eng", Name: "Other"}), fault.Invalid)
}

func TestWithoutADefaultRoleNobodyMayAnything(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	s.DefaultRole = ""
	id := member(t, pool, "nobody", "{}")
	if _, err := apply(t, s, pool, declared()); err != nil {
		t.Fatal(err)
	}
	if got := standingOf(t, s, id); got.Role != "" || got.Role.Includes(access.Viewer) {
		t.Errorf("the role is %q", got.Role)
	}
}

func TestGivenRoleHoldsInPlaceOfTheRules(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	id, ada := member(t, pool, "eng", "{engineers}"), member(t, pool, "ada", "{admins}")
	if _, err := apply(t, s, pool, declared()); err != nil {
		t.Fatal(err)
	}
	act := access.Act{Who: access.Principal{Person: access.Person{ID: ada, Name: "ada", Role: access.Admin}}, Reason: "on leave"}
	role := func() access.Role { return standingOf(t, s, id).Role }
	if err := s.GiveRole(t.Context(), act, id, access.Analyst); err != nil || role() != access.Analyst {
		t.Errorf("given analyst: %s, %v", role(), err)
	}
	if err := s.GiveRole(t.Context(), act, id, ""); err != nil || role() != access.Owner {
		t.Errorf("back to the rules: %s, %v", role(), err)
	}
	wantKind(t, s.GiveRole(t.Context(), act, id, "root"), fault.Invalid)
	wantKind(t, s.GiveRole(t.Context(), act, id+1000, access.Owner), fault.NotFound)
	wantKind(t, s.GiveRole(t.Context(), act, ada, access.Viewer), fault.Invalid) // the last admin
	var reason string
	if err := pool.QueryRow(t.Context(), `SELECT reason FROM audit WHERE action = 'person.role' ORDER BY seq DESC LIMIT 1`).Scan(&reason); err != nil || reason != "on leave" {
		t.Errorf("the audit log has the reason %q, %v", reason, err)
	}
}

// Of two admins who disable each other at the same time, one stays.
func TestTwoAdminsDoNotRemoveEachOther(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	for range 20 {
		exec(t, pool, `UPDATE person SET role = 'viewer'; INSERT INTO person (issuer, subject, name, role)
			SELECT 'x', n, n, 'admin' FROM unnest('{a,b}'::text[]) n ON CONFLICT (issuer, subject) DO UPDATE SET role = 'admin', disabled_at = NULL`)
		var a, b int64
		if err := pool.QueryRow(t.Context(), `SELECT min(id), max(id) FROM person WHERE issuer = 'x'`).Scan(&a, &b); err != nil {
			t.Fatal(err)
		}
		admin := func(id int64) access.Act {
			return access.Act{Who: access.Principal{Person: access.Person{ID: id, Name: "x", Role: access.Admin}}}
		}
		done := make(chan error, 2)
		go func() { done <- s.DisablePerson(t.Context(), admin(a), b) }()
		go func() { done <- s.DisablePerson(t.Context(), admin(b), a) }()
		if one, other := <-done, <-done; (one == nil) == (other == nil) {
			t.Fatalf("they answer %v and %v: want one of them refused", one, other)
		}
	}
}

// People whom the portal made have no rules to fall back to: taking a role back leaves them what they were made with.
func TestRoleOfLocalPeopleIsTakenBack(t *testing.T) {
	t.Parallel()
	s, ana, _ := open(t)
	act := access.Act{Who: access.Principal{Person: access.Person{ID: ana.ID + 1000, Role: access.Admin}}}
	for _, role := range []access.Role{access.Admin, ""} {
		if err := s.GiveRole(t.Context(), act, ana.ID, role); err != nil && role == access.Admin {
			t.Fatal(err)
		}
	}
	if _, err := s.EnsurePerson(t.Context(), access.Person{Issuer: access.LocalIssuer, Subject: "other", Name: "Other", Role: access.Admin}); err != nil {
		t.Fatal(err)
	}
	if err := s.GiveRole(t.Context(), act, ana.ID, ""); err != nil {
		t.Fatal(err)
	}
	if got := standingOf(t, s, ana.ID).Role; got != ana.Role {
		t.Errorf("after the gift was taken back the role is %s, want %s", got, ana.Role)
	}
}

func TestARetiredTeamGivesNoRights(t *testing.T) {
	t.Parallel()
	s, ana, pool := open(t)
	exec(t, pool, `UPDATE person SET team = 'ops'`)
	ana.Team = "ops"
	admin := access.Act{Who: access.Principal{Person: access.Person{ID: 99, Role: access.Admin}}}
	for _, err := range []error{
		s.AddTeam(t.Context(), admin, access.Team{Slug: ana.Team, Name: "Ops"}), s.AddTeam(t.Context(), admin, access.Team{Slug: "secret", Name: "Secret"}),
		s.AddMember(t.Context(), admin, "secret", ana.ID), s.RetireTeam(t.Context(), admin, ana.Team), s.RetireTeam(t.Context(), admin, "secret"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	teams := func() []string {
		p, err := s.Principal(t.Context(), ana.Issuer, ana.Subject)
		if err != nil {
			t.Fatal(err)
		}
		return p.Teams
	}
	if got := teams(); len(got) > 0 {
		t.Errorf("in %v, which are retired", got)
	}
	if err := s.AddTeam(t.Context(), admin, access.Team{Slug: "secret", Name: "Another"}); err != nil {
		t.Fatal(err)
	}
	if got := teams(); len(got) > 0 {
		t.Errorf("in %v, which is a new team of an old name", got)
	}
}

func TestWhoSaysWhoIsInATeam(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	if _, err := apply(t, s, pool, declared()); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		who  access.Principal
		ok   bool
	}{
		{"an admin", access.Principal{Person: access.Person{ID: 1, Role: access.Admin}}, true},
		{"an owner in it", access.Principal{Person: access.Person{ID: 1, Role: access.Owner}, Teams: []string{"data-eng"}}, true},
		{"an analyst in it", access.Principal{Person: access.Person{ID: 1, Role: access.Analyst}, Teams: []string{"data-eng"}}, false},
		{"an owner elsewhere", access.Principal{Person: access.Person{ID: 1, Role: access.Owner}, Teams: []string{"other"}}, false},
		{"a steward elsewhere", access.Principal{Person: access.Person{ID: 1, Role: access.Steward}, Domains: []string{"flights"}}, false},
	}
	for _, tt := range tests {
		id, ruled := member(t, pool, tt.name, "{}"), member(t, pool, tt.name+" by rule", "{engineers}")
		if err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { // as a login does
			_, err := tx.Exec(t.Context(), `INSERT INTO team_member SELECT id, $1, true FROM team WHERE slug = 'data-eng'`, ruled)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		act := access.Act{Who: tt.who}
		err := s.AddMember(t.Context(), act, "data-eng", id)
		if !tt.ok {
			wantKind(t, err, fault.Forbidden)
			wantKind(t, s.RemoveMember(t.Context(), act, "data-eng", ruled), fault.Forbidden)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		wantKind(t, s.AddMember(t.Context(), act, "data-eng", id), fault.Invalid)
		if err := s.RemoveMember(t.Context(), act, "data-eng", id); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		wantKind(t, s.RemoveMember(t.Context(), act, "data-eng", ruled), fault.Invalid)
	}
}

func TestStewardsByHandHaveTheRole(t *testing.T) {
	t.Parallel()
	s, ana, _ := open(t)
	admin := access.Act{Who: access.Principal{Person: access.Person{ID: 1, Name: "Ada", Role: access.Admin}}}
	if err := s.AddDomain(t.Context(), admin, access.Domain{Slug: "flights", Name: "Flights"}); err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.AddSteward(t.Context(), admin, "flights", ana.ID), fault.Invalid)
	if err := s.GiveRole(t.Context(), admin, ana.ID, access.Steward); err != nil {
		t.Fatal(err)
	}
	if err := s.AddSteward(t.Context(), admin, "flights", ana.ID); err != nil {
		t.Fatal(err)
	}
	if p, err := s.Principal(t.Context(), ana.Issuer, ana.Subject); err != nil || !p.StewardOf("flights") {
		t.Errorf("the principal %+v, %v is no steward", p, err)
	}
	if err := s.RetireDomain(t.Context(), admin, "flights"); err != nil {
		t.Fatal(err)
	}
	if p, _ := s.Principal(t.Context(), ana.Issuer, ana.Subject); p.StewardOf("flights") {
		t.Error("the stewardship outlives the domain")
	}
}
