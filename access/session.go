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

// How long a session lasts where the operator says nothing else: idle since its last use, and in all.
const (
	SessionIdle = 12 * time.Hour
	SessionMax  = 7 * 24 * time.Hour
)

// CheckEvery is how long the provider's word on a person holds: the next use of their session asks it again.
const CheckEvery = 15 * time.Minute

// Session is a session as its person may see it: without its secret.
type Session struct {
	ID        int64
	Agent     string // browser and system in words, or ""
	Token     string // the name of the token that it was had for, or ""
	CreatedAt time.Time
	UsedAt    time.Time // to five minutes
	ExpiresAt time.Time // by its absolute limit
}

// secretLen is the length of a secret's text.
const secretLen = 43

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

// NewSession says how a session starts.
type NewSession struct {
	TTL      time.Duration // at most; 0: as long as the store allows
	Agent    string        // browser and system in words
	TokenID  int64         // of the token that was shown, whose scopes the session holds and with which it ends; 0: none
	Provider string        // the provider's own id of its session, or ""
	Sealed   []byte        // what the provider is asked with, or nil
}

// StartSession signs a person in and returns the session's secret, which goes into a cookie and nowhere else. A token that
// has ended is Forbidden.
func (s *Store) StartSession(ctx context.Context, act Act, n NewSession) (secret string, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) (err error) {
		var started Event
		if secret, started, err = s.insertSession(ctx, tx, &act.Who, n); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, act, started)
	})
	return secret, err
}

// CreateSession is StartSession for a person who came by themselves.
func (s *Store) CreateSession(ctx context.Context, person int64, ttl time.Duration) (string, error) {
	return s.StartSession(ctx, Act{Who: Principal{Person: Person{ID: person}}}, NewSession{TTL: ttl})
}

// insertSession makes a session of who and returns its secret with what is to be recorded.
func (s *Store) insertSession(ctx context.Context, tx pgx.Tx, who *Principal, n NewSession) (secret string, started Event, err error) {
	const q = `
		INSERT INTO session (hash, person_id, token_id, expires_at, agent, provider_session, sealed)
		SELECT @hash, p.id, t.id, least(t.expires_at, now() + @ttl::interval), @agent, @provider, @sealed
		FROM person p LEFT JOIN token t ON t.id = @token AND t.person_id = p.id AND t.revoked_at IS NULL AND t.expires_at > now()
		WHERE p.id = @person AND p.disabled_at IS NULL AND (@token = 0 OR t.id IS NOT NULL) RETURNING id`
	ttl := s.Max
	if n.TTL > 0 {
		ttl = min(ttl, n.TTL)
	}
	secret, hash := newSecret()
	var id int64
	err = tx.QueryRow(ctx, q, pgx.NamedArgs{
		"hash": hash, "person": who.ID, "token": n.TokenID, "ttl": ttl, "agent": kept(n.Agent), "provider": kept(n.Provider), "sealed": n.Sealed,
	}).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", Event{}, fault.Forbiddenf("the token has ended, or its person is gone")
	}
	detail := map[string]any{"session": id, "agent": n.Agent}
	if n.TokenID != 0 {
		detail["by_token"] = n.TokenID
	}
	return secret, Event{Action: "session.start", Object: "person " + who.Name, Detail: detail}, err
}

// Session returns who is signed in by secret. A session that is unknown, ended, expired or idle for too long, or whose
// person is disabled, is Forbidden. Its last use is noted to five minutes, so that most requests write nothing.
func (s *Store) Session(ctx context.Context, secret string) (Principal, error) {
	const q = `
		WITH live AS (
			SELECT s.hash, s.id, s.person_id, s.used_at, s.sealed IS NOT NULL AND s.checked_at < now() - @every::interval AS check_due, t.scopes, coalesce(t.id, 0) AS token_id
			FROM session s LEFT JOIN token t ON t.id = s.token_id
			WHERE s.hash = @hash AND s.expires_at > now() AND s.used_at > now() - @idle::interval AND t.revoked_at IS NULL
		), touched AS (
			UPDATE session s SET used_at = now() FROM live l WHERE s.hash = l.hash AND l.used_at < now() - interval '5 minutes'
		)
		SELECT ` + personColumns + `,` + teamsAndDomains + `, live.scopes, live.token_id, live.id AS session_id, live.check_due FROM live JOIN person p ON p.id = live.person_id
		WHERE p.disabled_at IS NULL AND (live.token_id = 0 OR ` + vouchedFor + `)`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"hash": hashOf(secret), "idle": s.Idle, "every": CheckEvery, "trust": s.Trust})
	type row struct {
		Person
		Teams, Domains []string
		Scopes         []string
		TokenID        int64
		SessionID      int64
		CheckDue       bool
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return Principal{}, fault.Forbiddenf("the session has ended")
	}
	if p.Scopes != nil {
		p.Role = within(p.Role, p.Scopes)
		if p.Role.Includes(Analyst) && !slices.Contains(p.Scopes, ScopeWrite) && !slices.Contains(p.Scopes, ScopeAdmin) {
			p.Role = Analyst // a token that may only read opens no page to change the catalog
		}
	}
	return Principal{
		Person: p.Person, Teams: p.Teams, Domains: p.Domains, Scopes: p.Scopes, TokenID: p.TokenID, SessionID: p.SessionID, CheckDue: p.CheckDue,
	}, err
}

// EndSession signs out, and returns what the provider would be asked with, sealed. Ending a session that is not there is no
// error.
func (s *Store) EndSession(ctx context.Context, act Act, secret string) (sealed []byte, err error) {
	const q = `DELETE FROM session s USING person p WHERE p.id = s.person_id AND s.hash = $1 RETURNING s.id, s.person_id, p.name, s.sealed`
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var id, person int64
		var name string
		err := tx.QueryRow(ctx, q, hashOf(secret)).Scan(&id, &person, &name, &sealed)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, act, ended(id, person, name))
	})
	return sealed, err
}

// ended is the event of a session's end.
func ended(id, person int64, name string) Event {
	return Event{Action: "session.end", Object: "person " + name, Detail: map[string]any{"person_id": person, "session": id}}
}

// Sweep deletes sessions that can no longer be used and returns how many.
func (s *Store) Sweep(ctx context.Context) (int64, error) {
	tag, err := s.db.Exec(ctx, `DELETE FROM session WHERE expires_at <= now() OR used_at <= now() - $1::interval`, s.Idle)
	return tag.RowsAffected(), err
}

// Sessions returns the sessions by which a person is signed in, the last used first.
func (s *Store) Sessions(ctx context.Context, person int64) ([]Session, error) {
	const q = `
		SELECT s.id, s.agent, coalesce(t.name, '') AS token, s.created_at, s.used_at, s.expires_at
		FROM session s LEFT JOIN token t ON t.id = s.token_id
		WHERE s.person_id = @person AND s.expires_at > now() AND s.used_at > now() - @idle::interval AND t.revoked_at IS NULL
		ORDER BY s.used_at DESC, s.id DESC LIMIT 200`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"person": person, "idle": s.Idle})
	return pgx.CollectRows(rows, pgx.RowToStructByName[Session])
}

// EndSessionByID ends one of a person's sessions: their own, or anyone's for an admin. One that is not there, or is somebody
// else's, is NotFound.
func (s *Store) EndSessionByID(ctx context.Context, act Act, person, id int64) error {
	n, err := s.endSessions(ctx, act, person, `s.person_id = @person AND s.id = @id`, pgx.NamedArgs{"person": person, "id": id})
	if err == nil && n == 0 {
		err = fault.NotFoundf("there is no such session")
	}
	return err
}

// EndAllSessions ends all sessions of a person but the one that the act came by, and returns how many: their own, or anyone's
// for an admin.
func (s *Store) EndAllSessions(ctx context.Context, act Act, person int64) (int64, error) {
	return s.endSessions(ctx, act, person, `s.person_id = @person AND s.id <> @id`, pgx.NamedArgs{"person": person, "id": act.Who.SessionID})
}

// endSessions deletes the sessions of a person that meet a condition and records it.
func (s *Store) endSessions(ctx context.Context, act Act, person int64, where string, args pgx.NamedArgs) (n int64, err error) {
	if act.Who.ID != person && act.Who.Role != Admin {
		return 0, fault.NotFoundf("there is no such session")
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `DELETE FROM session s USING person p WHERE p.id = s.person_id AND `+where+` RETURNING s.id, p.name`, args)
		type row struct {
			ID   int64
			Name string
		}
		gone, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
		if n = int64(len(gone)); err != nil || n == 0 {
			return err
		}
		var events []Event
		for _, r := range gone {
			events = append(events, ended(r.ID, person, r.Name))
		}
		return s.Audit.Record(ctx, tx, act, events...)
	})
	return n, err
}
