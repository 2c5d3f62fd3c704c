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

// CreateToken makes an API token for a person and returns its secret, which is kept nowhere: it cannot be shown again.
func (s *Store) CreateToken(ctx context.Context, person int64, name string, scopes []string, ttl time.Duration) (string, Token, error) {
	const q = `
		INSERT INTO token (hash, person_id, name, scopes, expires_at) VALUES (@hash, @person, @name, @scopes, now() + @ttl::interval)
		RETURNING id, name, scopes, created_at, used_at, expires_at, revoked_at`
	if err := checkToken(name, scopes, ttl); err != nil {
		return "", Token{}, err
	}
	secret, _ := newSecret()
	secret = TokenPrefix + secret
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"hash": hashOf(secret), "person": person, "name": name, "scopes": scopes, "ttl": ttl})
	t, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Token])
	if err != nil {
		return "", Token{}, fmt.Errorf("create token: %w", err)
	}
	return secret, t, nil
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
			SELECT id, person_id, scopes, used_at FROM token WHERE hash = $1 AND expires_at > now() AND revoked_at IS NULL
		), touched AS (
			UPDATE token t SET used_at = now() FROM live l
			WHERE t.id = l.id AND (l.used_at IS NULL OR l.used_at < now() - interval '5 minutes')
		)
		SELECT live.id AS token_id, live.scopes, ` + personColumns + `,` + teamsAndDomains + ` FROM live JOIN person p ON p.id = live.person_id WHERE p.disabled_at IS NULL`
	refused := fault.Forbiddenf("the token is not valid")
	if !strings.HasPrefix(secret, TokenPrefix) {
		return Principal{}, refused
	}
	rows, _ := s.db.Query(ctx, q, hashOf(secret))
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
	return Principal{Person: r.Person, Teams: r.Teams, Domains: r.Domains, Scopes: r.Scopes, Token: true, TokenID: r.TokenID}, nil
}

// Tokens returns a person's tokens, newest first, without their secrets.
func (s *Store) Tokens(ctx context.Context, person int64) ([]Token, error) {
	const q = `
		SELECT id, name, scopes, created_at, used_at, expires_at, revoked_at FROM token WHERE person_id = $1 ORDER BY id DESC LIMIT 500`
	rows, _ := s.db.Query(ctx, q, person)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Token])
}

// RevokeToken makes a person's token useless from now on.
func (s *Store) RevokeToken(ctx context.Context, person, id int64) error {
	const q = `UPDATE token SET revoked_at = now() WHERE id = @id AND person_id = @person AND revoked_at IS NULL`
	tag, err := s.db.Exec(ctx, q, pgx.NamedArgs{"id": id, "person": person})
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.NotFoundf("there is no such token to revoke")
	}
	return err
}

// Holds reports whether the principal may use an API route of this scope. Scopes stand side by side: write does not
// include read. A session holds none, since the API does not accept sessions.
func (p *Principal) Holds(scope string) bool { return slices.Contains(p.Scopes, scope) }
