package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/access"
	"portreeve/fault"
)

func TestToken(t *testing.T) {
	t.Parallel()
	s, p, _ := open(t)
	secret, made, err := s.CreateToken(t.Context(), byOperator, p.ID, "ci", []string{access.ScopeRead, access.ScopeWrite}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret, "prt_") {
		t.Errorf("secret %q does not begin with prt_", secret)
	}
	if got := made.ExpiresAt.Sub(made.CreatedAt); got != time.Hour {
		t.Errorf("a token of one hour lives %v", got)
	}
	got, err := s.PrincipalByToken(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	want := access.Principal{
		Person: p, Teams: []string{}, Domains: []string{}, Scopes: []string{access.ScopeRead, access.ScopeWrite}, Token: true, TokenID: made.ID,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("principal (-want +got):\n%s", diff)
	}
	tokens, err := s.Tokens(t.Context(), p.ID)
	if err != nil || len(tokens) != 1 || tokens[0].UsedAt == nil {
		t.Errorf("Tokens = %+v, %v; want the one token with its use", tokens, err)
	}
}

func TestTokenHoldsWhatItLists(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		who   access.Principal
		scope string
		want  bool
	}{
		{"a scope listed", access.Principal{Token: true, Scopes: []string{"read", "write"}}, "write", true},
		{"write does not include read", access.Principal{Token: true, Scopes: []string{"write"}}, "read", false},
		{"admin does not include read", access.Principal{Token: true, Scopes: []string{"admin"}}, "read", false},
		{"a session holds none", access.Principal{}, "read", false},
		{"no scope is never held", access.Principal{Token: true, Scopes: []string{"read"}}, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.who.Holds(tt.scope); got != tt.want {
				t.Errorf("Holds(%q) = %v", tt.scope, got)
			}
		})
	}
}

func TestTokenEnds(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, sql string }{
		{"when it is revoked", `UPDATE token SET revoked_at = now()`},
		{"when it has expired", `UPDATE token SET expires_at = now() - interval '1 second'`},
		{"when its person is disabled", `UPDATE person SET disabled_at = now()`},
		{"when it is deleted", `DELETE FROM token`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, p, pool := open(t)
			secret, _, err := s.CreateToken(t.Context(), byOperator, p.ID, "", []string{access.ScopeRead}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			exec(t, pool, tt.sql)
			_, err = s.PrincipalByToken(t.Context(), secret)
			wantKind(t, err, fault.Forbidden)
			if msg := fault.Message(err); msg != "the token is not valid" {
				t.Errorf("the message %q tells which of the reasons it was", msg)
			}
		})
	}
}

func TestTokenIsNotASession(t *testing.T) {
	t.Parallel()
	s, p, _ := open(t)
	session, err := s.CreateSession(t.Context(), p.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := s.CreateToken(t.Context(), byOperator, p.ID, "", []string{access.ScopeRead}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.PrincipalByToken(t.Context(), session)
	wantKind(t, err, fault.Forbidden)
	_, err = s.PrincipalByToken(t.Context(), access.TokenPrefix+session)
	wantKind(t, err, fault.Forbidden)
	_, err = s.Session(t.Context(), token)
	wantKind(t, err, fault.Forbidden)
}

func TestCreateTokenRefuses(t *testing.T) {
	t.Parallel()
	s, p, _ := open(t)
	read := []string{access.ScopeRead}
	tests := []struct {
		name   string
		token  string
		scopes []string
		ttl    time.Duration
	}{
		{"no scope", "x", nil, time.Hour},
		{"an unknown scope", "x", []string{"read", "root"}, time.Hour},
		{"no life", "x", read, 0},
		{"a negative life", "x", read, -time.Hour},
		{"a life above a year", "x", read, 367 * 24 * time.Hour},
		{"a name too long", strings.Repeat("x", 201), read, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := s.CreateToken(t.Context(), byOperator, p.ID, tt.token, tt.scopes, tt.ttl)
			wantKind(t, err, fault.Invalid)
		})
	}
}

func TestRevokeTokenOfAnotherPerson(t *testing.T) {
	t.Parallel()
	s, p, _ := open(t)
	other, err := s.EnsurePerson(t.Context(), access.Person{Issuer: "i", Subject: "other", Name: "O", Role: access.Steward})
	if err != nil {
		t.Fatal(err)
	}
	secret, token, err := s.CreateToken(t.Context(), byOperator, p.ID, "", []string{access.ScopeRead}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, s.RevokeToken(t.Context(), access.Act{Who: access.Principal{Person: other}}, p.ID, token.ID), fault.NotFound)
	if _, err := s.PrincipalByToken(t.Context(), secret); err != nil {
		t.Error("somebody else's try ended the token:", err)
	}
	if err := s.RevokeToken(t.Context(), byOperator, p.ID, token.ID); err != nil {
		t.Fatal(err)
	}
	_, err = s.PrincipalByToken(t.Context(), secret)
	wantKind(t, err, fault.Forbidden)
	wantKind(t, s.RevokeToken(t.Context(), byOperator, p.ID, token.ID), fault.NotFound)
}

// A session that a token was exchanged for gives no more than the token and ends with it.
func TestTokenSession(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	person, err := s.EnsurePerson(t.Context(), access.Person{Issuer: access.LocalIssuer, Subject: "own", Name: "Own", Role: access.Owner})
	if err != nil {
		t.Fatal(err)
	}
	exchange := func(scopes ...string) (string, access.Token) {
		t.Helper()
		_, token, err := s.CreateToken(t.Context(), byOperator, person.ID, "t", scopes, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := startBy(t, s, token.ID, person.ID, 100*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return secret, token
	}
	read, token := exchange(access.ScopeRead)
	if p, err := s.Session(t.Context(), read); err != nil || p.Role != access.Analyst {
		t.Errorf("a session by a token that may only read has the role %q, %v; want analyst", p.Role, err)
	}
	write, _ := exchange(access.ScopeRead, access.ScopeWrite)
	if p, err := s.Session(t.Context(), write); err != nil || p.Role != access.Owner {
		t.Errorf("a session by a token that may write has the role %q, %v; want owner", p.Role, err)
	}
	admin, err := s.EnsurePerson(t.Context(), access.Person{Issuer: access.LocalIssuer, Subject: "admin", Name: "Admin", Role: access.Admin})
	if err != nil {
		t.Fatal(err)
	}
	_, some, err := s.CreateToken(t.Context(), byOperator, admin.ID, "t", []string{access.ScopeRead, access.ScopeWrite}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := startBy(t, s, some.ID, admin.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := s.Session(t.Context(), secret); err != nil || p.Role != access.Steward {
		t.Errorf("a session by an admin's token without the scope admin has the role %q, %v; want steward", p.Role, err)
	}
	if err := s.RevokeToken(t.Context(), byOperator, person.ID, token.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Session(t.Context(), read); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("the session outlives its revoked token: %v", err)
	}
	if _, err := startBy(t, s, token.ID, person.ID, time.Hour); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a revoked token was exchanged: %v", err)
	}
	_, token = exchange(access.ScopeRead)
	if _, err := startBy(t, s, token.ID, person.ID+1, time.Hour); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("another person's token was exchanged: %v", err)
	}
}

// Who may make a token, and of what kind.
func TestWhoMayMakeAToken(t *testing.T) {
	t.Parallel()
	s, ana, _ := open(t)
	boss, err := s.EnsurePerson(t.Context(), access.Person{Issuer: "i", Subject: "boss", Name: "Boss", Role: access.Admin})
	if err != nil {
		t.Fatal(err)
	}
	service, err := s.CreateService(t.Context(), byOperator, access.Person{Subject: "etl", Name: "ETL", Role: access.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	_, held, err := s.CreateToken(t.Context(), byOperator, ana.ID, "held", []string{access.ScopeRead}, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	byToken := access.Principal{Person: ana, Token: true, TokenID: held.ID, Scopes: held.Scopes}
	bySession := access.Principal{Person: ana, Scopes: held.Scopes}
	tests := []struct {
		name   string
		who    access.Principal
		person int64
		scope  string
		ttl    time.Duration
		want   fault.Kind // Internal: none
	}{
		{"one's own", access.Principal{Person: ana}, ana.ID, access.ScopeRead, time.Hour, fault.Internal},
		{"another's", access.Principal{Person: ana}, boss.ID, access.ScopeRead, time.Hour, fault.Forbidden},
		{"another's, by an admin", access.Principal{Person: boss}, ana.ID, access.ScopeRead, time.Hour, fault.Forbidden},
		{"a service's, by an admin", access.Principal{Person: boss}, service, access.ScopeRead, time.Hour, fault.Internal},
		{"a service's, by anyone", access.Principal{Person: ana}, service, access.ScopeRead, time.Hour, fault.Forbidden},
		{"admin by an admin", access.Principal{Person: boss}, boss.ID, access.ScopeAdmin, time.Hour, fault.Internal},
		{"admin for a lesser role", access.Principal{Person: boss}, service, access.ScopeAdmin, time.Hour, fault.Invalid},
		{"by a token, within it", byToken, ana.ID, access.ScopeRead, time.Hour, fault.Internal},
		{"by a token, more than it", byToken, ana.ID, access.ScopeWrite, time.Hour, fault.Forbidden},
		{"by a token, longer than it", byToken, ana.ID, access.ScopeRead, 25 * time.Hour, fault.Forbidden},
		{"by a session for a token", bySession, ana.ID, access.ScopeRead, time.Hour, fault.Forbidden},
		{"of nobody", access.Principal{Person: boss}, 99, access.ScopeRead, time.Hour, fault.NotFound},
	}
	for _, tt := range tests {
		_, _, err := s.CreateToken(t.Context(), access.Act{Who: tt.who}, tt.person, "x", []string{tt.scope}, tt.ttl)
		if (err == nil) != (tt.want == fault.Internal) || fault.KindOf(err) != tt.want {
			t.Errorf("%s: %v; want kind %v", tt.name, err, tt.want)
		}
	}
}

// A token gives no more than its person has at the time of its use.
func TestTokenFallsWithItsPerson(t *testing.T) {
	t.Parallel()
	s, ana, pool := open(t)
	secret, _, err := s.CreateToken(t.Context(), byOperator, ana.ID, "", []string{access.ScopeWrite}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, pool, `UPDATE person SET role = 'viewer'`)
	if p, err := s.PrincipalByToken(t.Context(), secret); err != nil || p.Role != access.Viewer {
		t.Errorf("the token has the role %q, %v; want viewer", p.Role, err)
	}
}

func TestCreateService(t *testing.T) {
	t.Parallel()
	s, ana, _ := open(t)
	good := access.Person{Subject: "etl", Name: " ETL ", Team: "data-eng", Role: access.Analyst}
	_, err := s.CreateService(t.Context(), access.Act{Who: access.Principal{Person: ana}}, good)
	wantKind(t, err, fault.Forbidden)
	id, err := s.CreateService(t.Context(), byOperator, good)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Service(t.Context(), id)
	if err != nil || v.Name != "ETL" || v.Kind != access.KindService || v.Role != access.Analyst || v.Team != "data-eng" {
		t.Errorf("the service is %+v, %v", v, err)
	}
	if all, err := s.Services(t.Context(), 10); err != nil || len(all) != 1 {
		t.Errorf("%d services, %v; want the one, and no person", len(all), err)
	}
	for _, bad := range []access.Person{
		good,
		{Subject: "Has Space", Name: "x", Role: access.Viewer},
		{Subject: "a", Name: " ", Role: access.Viewer},
		{Subject: "a", Name: "x", Role: "root"},
		{Subject: "a", Name: "x", Team: "no team", Role: access.Viewer},
	} {
		_, err := s.CreateService(t.Context(), byOperator, bad)
		wantKind(t, err, fault.Invalid)
	}
	_, err = s.Service(t.Context(), ana.ID)
	wantKind(t, err, fault.NotFound)
}
