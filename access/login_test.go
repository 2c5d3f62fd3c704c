package access_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
	"portreeve/fault"
)

const company = "https://id.example.com"

// estate declares two teams, a domain, and what groups give.
func estate(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	exec(t, pool, `
		INSERT INTO team (slug, name) VALUES ('ops', 'Ops'), ('bi', 'BI');
		INSERT INTO domain (slug, name) VALUES ('sales', 'Sales');
		INSERT INTO group_rule (claim, role, team, domain, declared_in) VALUES
			('data', 'analyst', 'bi', '', 'a:1'), ('leads', 'steward', 'ops', 'sales', 'a:2'), ('all', 'viewer', '', '', 'a:3'), ('ghost', '', 'gone', '', 'a:4')`)
}

func carol(groups ...string) access.Identity {
	return access.Identity{Issuer: company, Subject: "c-1", Name: "Carol", Email: "carol@example.com", Groups: groups}
}

func signIn(t *testing.T, s *access.Store, id access.Identity) (string, access.Principal) {
	t.Helper()
	secret, _, err := s.SignIn(t.Context(), access.Act{Via: "page"}, id, access.NewSession{Sealed: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	who, err := s.Session(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return secret, who
}

// startBy starts a session of a person who showed a token.
func startBy(t *testing.T, s *access.Store, token, person int64, ttl time.Duration) (string, error) {
	t.Helper()
	act := access.Act{Who: access.Principal{Person: access.Person{ID: person}}}
	return s.StartSession(t.Context(), act, access.NewSession{TTL: ttl, TokenID: token})
}

func TestSignInAppliesTheRules(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	estate(t, pool)
	tests := []struct {
		name           string
		groups         []string
		role           access.Role
		team           string
		teams, domains []string
	}{
		{"no group gives the default", nil, access.Viewer, "", []string{}, []string{}},
		{"a group gives role and team", []string{"data"}, access.Analyst, "bi", []string{"bi"}, []string{}},
		{"the highest role of all groups", []string{"all", "leads", "data", "unknown"}, access.Steward, "bi", []string{"bi", "ops"}, []string{"sales"}},
		{"what a group gave goes with it", []string{"leads"}, access.Steward, "ops", []string{"ops"}, []string{"sales"}},
		{"a team that is not there is none", []string{"ghost"}, access.Viewer, "", []string{}, []string{}},
		{"a group is not part of a group", []string{"lead", "leads2", "DATA"}, access.Viewer, "", []string{}, []string{}},
	}
	for _, tt := range tests { // each is the next login of one person
		_, who := signIn(t, s, carol(tt.groups...))
		slices.Sort(who.Teams)
		if who.Role != tt.role || who.Team != tt.team || !slices.Equal(who.Teams, tt.teams) || !slices.Equal(who.Domains, tt.domains) {
			t.Errorf("%s: %s of team %q in %v, steward of %v", tt.name, who.Role, who.Team, who.Teams, who.Domains)
		}
	}
	var people int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM person WHERE subject = 'c-1'`).Scan(&people); err != nil || people != 1 {
		t.Errorf("six logins made %d people (%v)", people, err)
	}
}

func TestSignInKeepsWhatPeopleGave(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	estate(t, pool)
	signIn(t, s, carol("data"))
	exec(t, pool, `UPDATE person SET given_role = 'owner' WHERE subject = 'c-1';
		INSERT INTO team_member (team_id, person_id, by_rule) SELECT t.id, p.id, false FROM team t, person p WHERE t.slug = 'ops' AND p.subject = 'c-1'`)
	_, who := signIn(t, s, carol("leads"))
	if who.Role != access.Owner {
		t.Errorf("the role that an admin gave became %s", who.Role)
	}
	_, who = signIn(t, s, carol())
	if !who.In("ops") {
		t.Error("a membership that was given by hand went with a group")
	}
	if who.In("bi") {
		t.Error("a membership by rule stayed")
	}
}

func TestSameEmailIsNotTheSamePerson(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	estate(t, pool)
	_, first := signIn(t, s, carol("leads"))
	other, elsewhere := carol(), carol()
	other.Subject = "c-2"
	elsewhere.Issuer = "https://other.example.com"
	for _, id := range []access.Identity{other, elsewhere} {
		if _, who := signIn(t, s, id); who.ID == first.ID || who.Role != access.Viewer {
			t.Errorf("%s at %s is person %d with the role %s of Carol", id.Subject, id.Issuer, who.ID, who.Role)
		}
	}
}

func TestSignInRefuses(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	estate(t, pool)
	refused := func(what string, id access.Identity) {
		t.Helper()
		if _, _, err := s.SignIn(t.Context(), access.Act{}, id, access.NewSession{}); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
	signIn(t, s, carol("leads"))
	exec(t, pool, `UPDATE person SET disabled_at = now() WHERE subject = 'c-1'; DELETE FROM session`)
	refused("someone disabled", carol("leads"))
	refused("no subject", access.Identity{Issuer: company})
	refused("no issuer", access.Identity{Subject: "x"})
	refused("a person that the portal made itself", access.Identity{Issuer: access.LocalIssuer, Subject: "ana"})
	s.DefaultRole = ""
	nobody := carol("unknown")
	nobody.Subject = "n"
	refused("no role by any rule, where there is no default", nobody)
	var people, sessions int
	if err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM person WHERE subject = 'n'), (SELECT count(*) FROM session)`).Scan(&people, &sessions); err != nil || people != 0 || sessions != 0 {
		t.Errorf("who was refused left %d people and %d sessions (%v)", people, sessions, err)
	}
}

func TestSignInIsRecorded(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	estate(t, pool)
	signIn(t, s, carol("data"))
	signIn(t, s, carol("leads"))
	rows, err := pool.Query(t.Context(), `SELECT action || ' ' || person || ' ' || (detail::jsonb ->> 'before') || '>' || (detail::jsonb ->> 'after') FROM audit WHERE action = 'person.role'
		UNION ALL SELECT action || ' ' || object || ' ' || count(*) FROM audit WHERE action = 'session.start' GROUP BY action, object ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	want := []string{"person.role Carol >analyst", "person.role Carol analyst>steward", "session.start person Carol 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
	s.Audit = nil
	if _, _, err := s.SignIn(t.Context(), access.Act{}, carol(), access.NewSession{}); err == nil {
		t.Error("someone signed in without a record of it")
	}
}

func TestSignInBoundsWhatTheProviderSays(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	id := carol("a", "a", "", "nul\x00", strings.Repeat("g", 600))
	id.Name, id.Email = strings.Repeat("✈", 500)+"\x00", strings.Repeat("e", 1000)
	_, who := signIn(t, s, id)
	if len([]rune(who.Name)) != 200 || len(who.Email) != 320 {
		t.Errorf("name of %d characters, address of %d", len([]rune(who.Name)), len(who.Email))
	}
	var groups []string
	if err := pool.QueryRow(t.Context(), `SELECT groups FROM person WHERE subject = 'c-1'`).Scan(&groups); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "nul\uFFFD"}, groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

func TestCheckIsClaimedOnce(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	secret, who := signIn(t, s, carol())
	claim := func() bool {
		sealed, err := s.ClaimCheck(t.Context(), who.SessionID)
		if err != nil {
			t.Fatal(err)
		}
		return sealed != nil
	}
	due := func() bool {
		p, err := s.Session(t.Context(), secret)
		if err != nil {
			t.Fatal(err)
		}
		return p.CheckDue
	}
	exec(t, pool, `UPDATE session SET checked_at = now() - interval '14 minutes'`)
	if due() || claim() {
		t.Error("asked again after 14 minutes")
	}
	exec(t, pool, `UPDATE session SET checked_at = now() - interval '15 minutes 1 second'`)
	if !due() {
		t.Error("not due after 15 minutes")
	}
	won := make(chan bool, 8)
	for range cap(won) {
		go func() {
			sealed, err := s.ClaimCheck(t.Context(), who.SessionID)
			won <- err == nil && sealed != nil
		}()
	}
	n := 0
	for range cap(won) {
		if <-won {
			n++
		}
	}
	if n != 1 || due() {
		t.Errorf("%d of 8 requests at once asked the provider; still due: %v", n, due())
	}
	exec(t, pool, `UPDATE session SET checked_at = checked_at - interval '61 seconds'`)
	if !due() || !claim() {
		t.Error("a check that came to nothing is not tried again after a minute")
	}
	if _, err := s.Checked(t.Context(), access.Act{Who: who}, carol(), []byte("new")); err != nil {
		t.Fatal(err)
	}
	exec(t, pool, `UPDATE session SET checked_at = checked_at - interval '14 minutes'`)
	if due() {
		t.Error("a check that went well does not hold for 15 minutes")
	}
}

func TestCheckedChangesWhoTheyAreAtOnce(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	estate(t, pool)
	secret, who := signIn(t, s, carol("leads"))
	now, err := s.Checked(t.Context(), access.Act{Who: who}, carol("all"), []byte("new"))
	if err != nil {
		t.Fatal(err)
	}
	if now.Role != access.Viewer || len(now.Teams) != 0 || now.SessionID != who.SessionID {
		t.Errorf("the request goes on as %+v", now)
	}
	if next, err := s.Session(t.Context(), secret); err != nil || next.Role != access.Viewer || next.StewardOf("sales") {
		t.Errorf("the next request is of %+v (%v)", next, err)
	}
	other := carol()
	other.Subject = "c-2"
	_, err = s.Checked(t.Context(), access.Act{Who: who}, other, nil)
	wantKind(t, err, fault.Forbidden)
	signIn(t, s, other)
	_, err = s.Checked(t.Context(), access.Act{Who: who}, other, nil)
	wantKind(t, err, fault.Forbidden)
}

func TestLoginFlow(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	begin := func(browser string) access.Flow {
		t.Helper()
		f, err := s.BeginLogin(t.Context(), browser, "/data")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := begin("")
	got, err := s.TakeLogin(t.Context(), f.State, f.Browser)
	if err != nil || got != f {
		t.Errorf("got %+v, %v; want %+v", got, err, f)
	}
	refused := func(what, state, browser string) {
		t.Helper()
		_, err := s.TakeLogin(t.Context(), state, browser)
		if fault.KindOf(err) != fault.Forbidden || fault.Message(err) != "the sign-in did not work" {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("a state that was used", f.State, f.Browser)
	refused("a made-up state", "x", f.Browser)
	refused("no state", "", "")
	f = begin(f.Browser)
	if f.Browser != got.Browser || f.State == got.State || f.Nonce == got.Nonce || f.Verifier == got.Verifier {
		t.Error("a second login in one browser does not share its cookie, or shares more")
	}
	refused("another browser's state", f.State, begin("").Browser)
	refused("a state after another browser tried it", f.State, f.Browser)
	f = begin("")
	refused("a browser without the cookie", f.State, "")
	f = begin("")
	exec(t, pool, `UPDATE login_flow SET created_at = now() - interval '10 minutes 1 second'`)
	refused("a login that took too long", f.State, f.Browser)
	f = begin("")
	exec(t, pool, `UPDATE login_flow SET created_at = now() - interval '11 minutes'`)
	begin("short")
	var left int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM login_flow`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d logins under way after the old ones went (%v)", left, err)
	}
	if f.Browser == "short" {
		t.Error("a browser's cookie that we never gave is taken")
	}
}

func TestOwnSessions(t *testing.T) {
	t.Parallel()
	s, ana, _ := open(t)
	act := access.Act{Who: access.Principal{Person: ana}}
	for _, agent := range []string{"Firefox on Linux", "Chrome on Windows", "Safari on iPhone"} {
		if _, err := s.StartSession(t.Context(), act, access.NewSession{TTL: time.Hour, Agent: agent}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Sessions(t.Context(), ana.ID)
	if err != nil || len(list) != 3 || list[0].Agent != "Safari on iPhone" {
		t.Fatalf("sessions %+v, %v", list, err)
	}
	_, carol := signIn(t, s, carol())
	wantKind(t, s.EndSessionByID(t.Context(), access.Act{Who: carol}, ana.ID, list[0].ID), fault.NotFound)
	wantKind(t, s.EndSessionByID(t.Context(), act, ana.ID, carol.SessionID), fault.NotFound)
	wantKind(t, s.EndSessionByID(t.Context(), act, carol.ID, carol.SessionID), fault.NotFound)
	if err := s.EndSessionByID(t.Context(), act, ana.ID, list[0].ID); err != nil {
		t.Error(err)
	}
	act.Who.SessionID = list[1].ID
	if n, err := s.EndAllSessions(t.Context(), act, ana.ID); n != 1 || err != nil {
		t.Errorf("ended %d sessions beside this one (%v), want 1", n, err)
	}
	if list, _ := s.Sessions(t.Context(), ana.ID); len(list) != 1 || list[0].Agent != "Chrome on Windows" {
		t.Errorf("left %+v", list)
	}
	act.Who.ID, act.Who.Role = 999, access.Admin
	if n, err := s.EndAllSessions(t.Context(), act, carol.ID); n != 1 || err != nil {
		t.Errorf("an admin ended %d sessions of Carol (%v)", n, err)
	}
}

func TestEndForProvider(t *testing.T) {
	t.Parallel()
	s, ana, _ := open(t)
	if _, err := s.CreateSession(t.Context(), ana.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	start := func(provider string) {
		t.Helper()
		if _, _, err := s.SignIn(t.Context(), access.Act{}, carol(), access.NewSession{Sealed: []byte("x"), Provider: provider}); err != nil {
			t.Fatal(err)
		}
	}
	start("one")
	start("two")
	later := time.Now().Add(time.Minute)
	for _, tt := range []struct {
		what string
		out  access.SignedOut
		want int
	}{
		{"nobody", access.SignedOut{Issuer: company, At: later}, 0},
		{"another issuer", access.SignedOut{Issuer: "https://other.example.com", Subject: "c-1", At: later}, 0},
		{"another session", access.SignedOut{Issuer: company, Session: "three", At: later}, 0},
		{"before they signed in", access.SignedOut{Issuer: company, Subject: "c-1", At: later.Add(-time.Hour)}, 0},
		{"one session", access.SignedOut{Issuer: company, Session: "one", At: later}, 1},
		{"the same again", access.SignedOut{Issuer: company, Session: "one", At: later}, 0},
		{"the person", access.SignedOut{Issuer: company, Subject: "c-1", At: later}, 1},
		{"a person of ours", access.SignedOut{Issuer: access.LocalIssuer, Subject: "ana", At: later}, 0},
	} {
		if n, err := s.EndForProvider(t.Context(), access.Act{}, tt.out); n != tt.want || err != nil {
			t.Errorf("%s: ended %d sessions (%v), want %d", tt.what, n, err, tt.want)
		}
	}
}

func TestWhoLosesTheirLastRoleMayNothingFromThenOn(t *testing.T) {
	t.Parallel()
	s, _, pool := open(t)
	estate(t, pool)
	s.DefaultRole = ""
	for name, look := range map[string]func(access.Principal, access.Identity) error{
		"at the provider's next word": func(who access.Principal, id access.Identity) error {
			_, err := s.Checked(t.Context(), access.Act{Who: who}, id, nil)
			return err
		},
		"at the next login": func(_ access.Principal, id access.Identity) error {
			_, _, err := s.SignIn(t.Context(), access.Act{}, id, access.NewSession{})
			return err
		},
	} {
		id := carol("leads")
		id.Subject = name
		secret, who := signIn(t, s, id)
		token, _, err := s.CreateToken(t.Context(), access.Act{Who: who}, who.ID, "laptop", []string{access.ScopeRead}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		id.Groups = []string{"unknown"}
		if err := look(who, id); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
		if who, err := s.Session(t.Context(), secret); err == nil && who.Role.Includes(access.Viewer) {
			t.Errorf("%s: the old session still has the role %s", name, who.Role)
		}
		if who, err := s.PrincipalByToken(t.Context(), token); err == nil && who.Role.Includes(access.Viewer) {
			t.Errorf("%s: the token still has the role %s", name, who.Role)
		}
	}
}

// A token works no longer than somebody vouches for its person.
func TestTokenOfSomeoneNobodyVouchesForAnyMore(t *testing.T) {
	t.Parallel()
	s, local, pool := open(t)
	estate(t, pool)
	_, who := signIn(t, s, carol("leads"))
	ends := map[string]bool{}
	for _, person := range []int64{who.ID, local.ID} {
		token, made, err := s.CreateToken(t.Context(), byOperator, person, "x", []string{access.ScopeRead}, 300*24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		session, err := s.StartSession(t.Context(), access.Act{Who: access.Principal{Person: access.Person{ID: person}}}, access.NewSession{TokenID: made.ID})
		if err != nil {
			t.Fatal(err)
		}
		exec(t, pool, `UPDATE person SET checked_at = now() - interval '29 days' WHERE checked_at IS NOT NULL`)
		if _, err := s.PrincipalByToken(t.Context(), token); err != nil {
			t.Errorf("after 29 days: %v", err)
		}
		exec(t, pool, `UPDATE person SET checked_at = now() - interval '31 days' WHERE checked_at IS NOT NULL`)
		_, byToken := s.PrincipalByToken(t.Context(), token)
		_, bySession := s.Session(t.Context(), session)
		if (byToken == nil) != (bySession == nil) {
			t.Errorf("the token: %v, its session: %v", byToken, bySession)
		}
		ends[map[bool]string{true: "local", false: "of the provider"}[person == local.ID]] = fault.KindOf(byToken) == fault.Forbidden && byToken != nil
		exec(t, pool, `UPDATE person SET checked_at = now() WHERE checked_at IS NOT NULL`)
	}
	if diff := cmp.Diff(map[string]bool{"local": false, "of the provider": true}, ends); diff != "" {
		t.Errorf("whose tokens ended (-want +got):\n%s", diff)
	}
}
