package access_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
	"portreeve/fault"
	"portreeve/postgres/pgtest"
)

// open returns a store with one person in it, and the pool under it.
func open(t *testing.T) (*access.Store, access.Person, *pgxpool.Pool) {
	t.Helper()
	pool := pgtest.New(t)
	s := access.NewStore(pool)
	s.Audit = access.NewAudit(newKey(t))
	p, err := s.EnsurePerson(t.Context(), access.Person{Issuer: access.LocalIssuer, Subject: "ana", Name: "Ana", Role: access.Analyst})
	if err != nil {
		t.Fatal(err)
	}
	return s, p, pool
}

// newKey returns a key that no other test has.
func newKey(t *testing.T) access.Key {
	t.Helper()
	k, err := access.ParseKey(access.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// byOperator is an act of the command line.
var byOperator = access.Act{Who: access.Operator(), Via: "command line"}

// exec runs a statement that makes time pass or a person leave.
func exec(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != want {
		t.Errorf("got error %v of kind %v, want kind %v", err, fault.KindOf(err), want)
	}
}

func TestRoleIncludes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		have, need access.Role
		want       bool
	}{
		{"a role includes itself", access.Owner, access.Owner, true},
		{"a role includes weaker ones", access.Admin, access.Viewer, true},
		{"a role does not include stronger ones", access.Analyst, access.Owner, false},
		{"an unknown role includes nothing", "root", access.Viewer, false},
		{"nothing includes an unknown role", access.Admin, "root", false},
		{"no role includes nothing", "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.have.Includes(tt.need); got != tt.want {
				t.Errorf("%q.Includes(%q) = %v", tt.have, tt.need, got)
			}
		})
	}
}

func TestEnsurePersonKeepsPreferences(t *testing.T) {
	t.Parallel()
	s, p, _ := open(t)
	if err := s.SetPreferences(t.Context(), p.ID, "dark", "icons"); err != nil {
		t.Fatal(err)
	}
	p.Name, p.Role, p.Team = "Ana Ruiz", access.Owner, "ops"
	p.Theme, p.Nav = "light", ""
	got, err := s.EnsurePerson(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	p.Theme, p.Nav = "dark", "icons"
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("person (-want +got):\n%s", diff)
	}
}

func TestEnsurePersonRefuses(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	for name, p := range map[string]access.Person{
		"no subject":   {Issuer: "i", Role: access.Viewer},
		"no role":      {Issuer: "i", Subject: "s"},
		"unknown role": {Issuer: "i", Subject: "s", Role: "root"},
	} {
		_, err := s.EnsurePerson(t.Context(), p)
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want Invalid", name, err)
		}
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	s, ana, _ := open(t)
	bob, err := s.EnsurePerson(t.Context(), access.Person{Issuer: "https://id.example.com", Subject: "ana", Name: "Bob", Role: access.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.People(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]access.Person{ana, bob}, got); diff != "" {
		t.Errorf("one subject of two issuers is two people (-want +got):\n%s", diff)
	}
	if err := s.DisablePerson(t.Context(), byOperator, ana.ID); err != nil {
		t.Fatal(err)
	}
	if got, _ = s.People(t.Context(), 10); len(got) != 1 {
		t.Errorf("a disabled person is listed: %v", got)
	}
	_, err = s.PersonBySubject(t.Context(), access.LocalIssuer, "ana")
	wantKind(t, err, fault.NotFound)
}

func TestSetPreferencesRefuses(t *testing.T) {
	t.Parallel()
	s, p, _ := open(t)
	wantKind(t, s.SetPreferences(t.Context(), p.ID, "pink", ""), fault.Invalid)
	wantKind(t, s.SetPreferences(t.Context(), p.ID, "", "hidden"), fault.Invalid)
}

func TestSession(t *testing.T) {
	t.Parallel()
	s, p, _ := open(t)
	secret, err := s.CreateSession(t.Context(), p.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Session(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if got.SessionID == 0 || got.CheckDue {
		t.Errorf("session %d, due %v", got.SessionID, got.CheckDue)
	}
	if diff := cmp.Diff(access.Principal{Person: p, Teams: []string{}, Domains: []string{}, SessionID: got.SessionID}, got); diff != "" {
		t.Errorf("principal (-want +got):\n%s", diff)
	}
	if other, _ := s.CreateSession(t.Context(), p.ID, time.Hour); other == secret {
		t.Error("two sessions have one secret")
	}
}

// What ends a session, each with a session that is otherwise good.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  func(ctx context.Context, s *access.Store, p access.Person, secret string) error
		sql  string
	}{
		{name: "when it is ended", end: func(ctx context.Context, s *access.Store, _ access.Person, secret string) error {
			_, err := s.EndSession(ctx, access.Act{}, secret)
			return err
		}},
		{name: "when its person is disabled", end: func(ctx context.Context, s *access.Store, p access.Person, _ string) error {
			return s.DisablePerson(ctx, byOperator, p.ID)
		}},
		{name: "when its person was disabled elsewhere", sql: `UPDATE person SET disabled_at = now()`},
		{name: "after its absolute time", sql: `UPDATE session SET expires_at = now() - interval '1 second'`},
		{name: "after 12 hours without use", sql: `UPDATE session SET used_at = now() - interval '12 hours 1 second'`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p, pool := open(t)
			secret, err := s.CreateSession(t.Context(), p.ID, access.SessionMax)
			if err != nil {
				t.Fatal(err)
			}
			if tt.end != nil {
				if err := tt.end(t.Context(), s, p, secret); err != nil {
					t.Fatal(err)
				}
			} else {
				exec(t, pool, tt.sql)
			}
			_, err = s.Session(t.Context(), secret)
			wantKind(t, err, fault.Forbidden)
		})
	}
}

func TestSessionLastsAtMostAWeek(t *testing.T) {
	t.Parallel()
	s, p, pool := open(t)
	if _, err := s.CreateSession(t.Context(), p.ID, 1000*time.Hour); err != nil {
		t.Fatal(err)
	}
	var within bool
	if err := pool.QueryRow(t.Context(), `SELECT expires_at = created_at + interval '7 days' FROM session`).Scan(&within); err != nil || !within {
		t.Errorf("a session of 1000 hours was not cut to 7 days (%v)", err)
	}
}

func TestSessionNotesItsUseSeldom(t *testing.T) {
	t.Parallel()
	s, p, pool := open(t)
	secret, err := s.CreateSession(t.Context(), p.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() (fresh bool) {
		if _, err := s.Session(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		if err := pool.QueryRow(t.Context(), `SELECT used_at > now() - interval '1 minute' FROM session`).Scan(&fresh); err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	exec(t, pool, `UPDATE session SET used_at = now() - interval '4 minutes'`)
	if fresh() {
		t.Error("a use four minutes after the last was written down")
	}
	exec(t, pool, `UPDATE session SET used_at = now() - interval '6 minutes'`)
	if !fresh() {
		t.Error("a use six minutes after the last was not written down, so a busy session would go idle")
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	s, p, pool := open(t)
	for range 3 {
		if _, err := s.CreateSession(t.Context(), p.ID, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, pool, `UPDATE session SET expires_at = now() WHERE hash = (SELECT hash FROM session LIMIT 1)`)
	if n, err := s.Sweep(t.Context()); n != 1 || err != nil {
		t.Errorf("Sweep = %d, %v; one of three sessions is over", n, err)
	}
}

func TestNothingInTheDatabaseOpensAnything(t *testing.T) {
	t.Parallel()
	s, p, pool := open(t)
	session, err := s.CreateSession(t.Context(), p.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := s.CreateToken(t.Context(), byOperator, p.ID, "ci", []string{access.ScopeRead}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for table, secret := range map[string]string{"session": session, "token": token} {
		var stored []byte
		if err := pool.QueryRow(t.Context(), `SELECT hash FROM `+table).Scan(&stored); err != nil {
			t.Fatal(err)
		}
		if want := sha256.Sum256([]byte(secret)); string(stored) != string(want[:]) {
			t.Errorf("%s stores %x, want the SHA-256 of its secret", table, stored)
		}
		if len(secret) < 43 {
			t.Errorf("the secret of a %s has %d characters, fewer than 256 bits need", table, len(secret))
		}
	}
}
