package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// TokenPrefix begins every API token, so that people and scanners of secrets know one when they see it.
const TokenPrefix = "prt_"

// TokenMax is the longest life of a token.
const TokenMax = 366 * 24 * time.Hour

// maxTokens is how many tokens of a person can be used at a time.
const maxTokens = 200

// CreateToken makes an API token for a person and returns its secret, which is kept nowhere: it cannot be shown again. People
// make their own, admins those of services. What a token gives is bounded by the person's role at the time of its use; the
// scope admin is only for admins. Who acts by a token makes none that holds more or lives longer.
func (s *Store) CreateToken(ctx context.Context, act Act, person int64, name string, scopes []string, ttl time.Duration) (string, Token, error) {
	const q = `
		INSERT INTO token (hash, person_id, name, scopes, expires_at) VALUES (@hash, @person, @name, @scopes, now() + @ttl::interval)
		RETURNING id, name, scopes, created_at, used_at, expires_at, revoked_at`
	if err := checkToken(name, scopes, ttl); err != nil {
		return "", Token{}, err
	}
	secret, _ := newSecret()
	secret = TokenPrefix + secret
	var t Token
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		of, err := mayMakeToken(ctx, tx, act, person, scopes, ttl)
		if err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, q, pgx.NamedArgs{"hash": hashOf(secret), "person": person, "name": name, "scopes": scopes, "ttl": ttl})
		if t, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Token]); err != nil {
			return fmt.Errorf("create token: %w", err)
		}
		return s.Audit.Record(ctx, tx, act, tokenEvent("token.create", of, &t))
	})
	if err != nil {
		return "", Token{}, err
	}
	return secret, t, nil
}

func tokenEvent(action string, of *Person, t *Token) Event {
	return Event{Action: action, Object: fmt.Sprintf("token %d", t.ID), Detail: map[string]any{
		"name": t.Name, "scopes": t.Scopes, "expires_at": t.ExpiresAt.UTC(), "person_id": of.ID, "person": of.Name, "kind": of.Kind,
	}}
}

// mayMakeToken returns whose token it will be, or why it cannot be made.
func mayMakeToken(ctx context.Context, tx pgx.Tx, act Act, person int64, scopes []string, ttl time.Duration) (*Person, error) {
	const q = `
		SELECT ` + personColumns + `,
			(SELECT count(*) FROM token t WHERE t.person_id = p.id AND t.revoked_at IS NULL AND t.expires_at > now()) AS live,
			coalesce((SELECT t.expires_at >= now() + @ttl::interval FROM token t WHERE t.id = @by), @by = 0) AS within
		FROM person p WHERE p.id = @person AND p.disabled_at IS NULL`
	type row struct {
		Person
		Live   int
		Within bool
	}
	rows, _ := tx.Query(ctx, q, pgx.NamedArgs{"person": person, "by": act.Who.TokenID, "ttl": ttl})
	of, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fault.NotFoundf("there is no such person")
	}
	if err != nil {
		return nil, fmt.Errorf("person %d: %w", person, err)
	}
	own, service := act.Who.ID == person, of.Kind == KindService && act.Who.Role == Admin
	switch {
	case !own && !service && !act.Who.operator():
		return nil, fault.Forbiddenf("people make their own tokens, and admins those of services")
	case act.Who.Scopes != nil && !act.Who.Token:
		return nil, fault.Forbiddenf("you are signed in by a token, which makes no other: sign in as a person, or use portreeve token create")
	case act.Who.Token && slices.ContainsFunc(scopes, func(sc string) bool { return !act.Who.Holds(sc) }):
		return nil, fault.Forbiddenf("a token makes none that holds more than itself")
	case !of.Within:
		return nil, fault.Forbiddenf("a token makes none that lives longer than itself")
	case slices.Contains(scopes, ScopeAdmin) && of.Role != Admin:
		return nil, fault.Invalidf("scopes", "the scope admin is for admins; the role of %s is %s", of.Name, of.Role)
	case of.Live >= maxTokens:
		return nil, fault.Conflictf("%s has %d tokens that can be used: revoke one first", of.Name, of.Live)
	}
	return &of.Person, nil
}

// checkToken returns an Invalid error when no such token can be made.
func checkToken(name string, scopes []string, ttl time.Duration) error {
	if len(scopes) == 0 {
		return fault.Invalidf("scopes", "a token needs a scope: read, write or admin")
	}
	for _, sc := range scopes {
		if !slices.Contains([]string{ScopeRead, ScopeWrite, ScopeAdmin}, sc) {
			return fault.Invalidf("scopes", "there is no scope %q; the scopes are read, write and admin", sc)
		}
	}
	if ttl <= 0 || ttl > TokenMax {
		return fault.Invalidf("ttl", "a token lives for more than nothing and at most 366 days")
	}
	if len(name) > 200 {
		return fault.Invalidf("name", "the name of a token has at most 200 bytes")
	}
	return nil
}

// PrincipalByToken returns who a token speaks for. One that is malformed, unknown, expired or revoked, or whose person is
// disabled, is Forbidden, and the message does not tell which. Its last use is noted to five minutes.
func (s *Store) PrincipalByToken(ctx context.Context, secret string) (Principal, error) {
	const q = `
		WITH live AS (
			SELECT id, person_id, scopes, used_at FROM token WHERE hash = @hash AND expires_at > now() AND revoked_at IS NULL
		), touched AS (
			UPDATE token t SET used_at = now() FROM live l
			WHERE t.id = l.id AND (l.used_at IS NULL OR l.used_at < now() - interval '5 minutes')
		)
		SELECT live.id AS token_id, live.scopes, ` + personColumns + `,` + teamsAndDomains + ` FROM live JOIN person p ON p.id = live.person_id
		WHERE p.disabled_at IS NULL AND ` + vouchedFor
	refused := fault.Forbiddenf("the token is not valid")
	if !strings.HasPrefix(secret, TokenPrefix) {
		return Principal{}, refused
	}
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"hash": hashOf(secret), "trust": s.Trust})
	type row struct {
		Person
		Teams, Domains []string
		TokenID        int64
		Scopes         []string
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return Principal{}, refused
	}
	if err != nil {
		return Principal{}, fmt.Errorf("token: %w", err)
	}
	r.Role = within(r.Role, r.Scopes)
	return Principal{Person: r.Person, Teams: r.Teams, Domains: r.Domains, Scopes: r.Scopes, Token: true, TokenID: r.TokenID}, nil
}

// TokenTrust is the usual Store.Trust: who has left the company does not sign in any more.
const TokenTrust = 30 * 24 * time.Hour

// vouchedFor holds for a person p whose tokens work: the provider vouched for them within @trust, or need not.
const vouchedFor = `(p.checked_at IS NULL OR p.checked_at > now() - @trust::interval)`

// within returns the role that a token of these scopes leaves of its person's: without the scope admin nobody is an admin.
func within(role Role, scopes []string) Role {
	if role == Admin && !slices.Contains(scopes, ScopeAdmin) {
		return Steward
	}
	return role
}

// Tokens returns a person's tokens, newest first, without their secrets.
func (s *Store) Tokens(ctx context.Context, person int64) ([]Token, error) {
	const q = `
		SELECT id, name, scopes, created_at, used_at, expires_at, revoked_at FROM token WHERE person_id = $1 ORDER BY id DESC LIMIT 500`
	rows, _ := s.db.Query(ctx, q, person)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Token])
}

// Token returns one of a person's tokens and how many sessions it was exchanged for.
func (s *Store) Token(ctx context.Context, person, id int64) (Token, int, error) {
	const q = `
		SELECT t.id, t.name, t.scopes, t.created_at, t.used_at, t.expires_at, t.revoked_at,
			(SELECT count(*) FROM session s WHERE s.token_id = t.id AND s.expires_at > now()) AS sessions
		FROM token t WHERE t.id = @id AND t.person_id = @person`
	type row struct {
		Token
		Sessions int
	}
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"id": id, "person": person})
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return Token{}, 0, fault.NotFoundf("there is no such token")
	}
	return r.Token, r.Sessions, err
}

// RevokeToken makes a person's token useless from now on, and the sessions it was exchanged for. People revoke their own,
// admins anyone's.
func (s *Store) RevokeToken(ctx context.Context, act Act, person, id int64) error {
	const q = `
		UPDATE token t SET revoked_at = now() FROM person p
		WHERE t.id = @id AND t.person_id = @person AND p.id = t.person_id AND t.revoked_at IS NULL AND (p.id = @who OR @admin)
		RETURNING ` + personColumns + `, t.id AS token_id, t.name AS token_name, t.scopes, t.expires_at`
	type row struct {
		Person
		TokenID   int64
		TokenName string
		Scopes    []string
		ExpiresAt time.Time
	}
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, q, pgx.NamedArgs{"id": id, "person": person, "who": act.Who.ID, "admin": act.Who.Role == Admin})
		r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.NotFoundf("there is no such token to revoke")
		}
		if err != nil {
			return fmt.Errorf("revoke token %d: %w", id, err)
		}
		t := Token{ID: r.TokenID, Name: r.TokenName, Scopes: r.Scopes, ExpiresAt: r.ExpiresAt}
		return s.Audit.Record(ctx, tx, act, tokenEvent("token.revoke", &r.Person, &t))
	})
}

// Holds reports whether the principal may use an API route of this scope. Scopes stand side by side: write does not
// include read. A session holds none, since the API does not accept sessions.
func (p *Principal) Holds(scope string) bool { return slices.Contains(p.Scopes, scope) }
