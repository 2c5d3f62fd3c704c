package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// How long a session lasts: idle since its last use, and in all.
const (
	SessionIdle = 12 * time.Hour
	SessionMax  = 7 * 24 * time.Hour
)

// newSecret returns 256 random bits as text and the hash by which the database knows them.
func newSecret() (secret string, hash []byte) {
	var b [32]byte
	rand.Read(b[:]) // never fails
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	return secret, hashOf(secret)
}

// hashOf returns what is stored in place of a secret. The secret has 256 random bits, so a fast hash is enough, and looking
// it up tells nothing of it by its timing.
func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// CreateSession signs a person in for at most ttl and returns the session's secret, which goes into a cookie and nowhere else.
func (s *Store) CreateSession(ctx context.Context, person int64, ttl time.Duration) (string, error) {
	const q = `INSERT INTO session (hash, person_id, expires_at) VALUES (@hash, @person, now() + @ttl::interval)`
	secret, hash := newSecret()
	_, err := s.db.Exec(ctx, q, pgx.NamedArgs{"hash": hash, "person": person, "ttl": min(ttl, SessionMax)})
	return secret, err
}

// CreateTokenSession is CreateSession for who has shown a token: the session holds the token's scopes and ends with it,
// also when the token is revoked.
func (s *Store) CreateTokenSession(ctx context.Context, token, person int64, ttl time.Duration) (string, error) {
	const q = `
		INSERT INTO session (hash, person_id, token_id, expires_at)
		SELECT @hash, person_id, id, least(expires_at, now() + @ttl::interval) FROM token
		WHERE id = @token AND person_id = @person AND revoked_at IS NULL AND expires_at > now()`
	secret, hash := newSecret()
	tag, err := s.db.Exec(ctx, q, pgx.NamedArgs{"hash": hash, "person": person, "token": token, "ttl": min(ttl, SessionMax)})
	if err == nil && tag.RowsAffected() == 0 {
		err = fault.Forbiddenf("the token has ended")
	}
	return secret, err
}

// Session returns who is signed in by secret. A session that is unknown, ended, expired or idle for too long, or whose
// person is disabled, is Forbidden. Its last use is noted to five minutes, so that most requests write nothing.
func (s *Store) Session(ctx context.Context, secret string) (Principal, error) {
	const q = `
		WITH live AS (
			SELECT s.hash, s.person_id, s.used_at, t.scopes FROM session s LEFT JOIN token t ON t.id = s.token_id
			WHERE s.hash = @hash AND s.expires_at > now() AND s.used_at > now() - @idle::interval AND t.revoked_at IS NULL
		), touched AS (
			UPDATE session s SET used_at = now() FROM live l WHERE s.hash = l.hash AND l.used_at < now() - interval '5 minutes'
		)
		SELECT ` + personColumns + `,` + teamsAndDomains + `, live.scopes FROM live JOIN person p ON p.id = live.person_id WHERE p.disabled_at IS NULL`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"hash": hashOf(secret), "idle": SessionIdle})
	type row struct {
		Person
		Teams, Domains []string
		Scopes         []string
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return Principal{}, fault.Forbiddenf("the session has ended")
	}
	if p.Scopes != nil && !slices.Contains(p.Scopes, ScopeWrite) && p.Role.Includes(Analyst) {
		p.Role = Analyst // a token that may only read gives no page the right to change the catalog
	}
	return Principal{Person: p.Person, Teams: p.Teams, Domains: p.Domains, Scopes: p.Scopes}, err
}

// EndSession signs out. Ending a session that is not there is no error.
func (s *Store) EndSession(ctx context.Context, secret string) error {
	_, err := s.db.Exec(ctx, `DELETE FROM session WHERE hash = $1`, hashOf(secret))
	return err
}

// Sweep deletes sessions that can no longer be used and returns how many.
func (s *Store) Sweep(ctx context.Context) (int64, error) {
	tag, err := s.db.Exec(ctx, `DELETE FROM session WHERE expires_at <= now() OR used_at <= now() - $1::interval`, SessionIdle)
	return tag.RowsAffected(), err
}
