package access

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Identity is who a provider says that someone is. Issuer and Subject name a person; an e-mail address never does.
type Identity struct {
	Issuer  string
	Subject string
	Name    string
	Email   string
	Groups  []string // as the provider writes them
}

// Ticket is what a provider hands out at a login: who came, and with what it is asked about them later.
type Ticket struct {
	Identity
	Session string // the provider's own id of its session, or ""
	Refresh string // token that asks about them again, or "" when the provider gives none
	IDToken string // shown at the logout
}

// checkRetry is when the provider is asked again after it did not answer about somebody.
const checkRetry = time.Minute

// maxGroups is how many groups of a person are kept.
const maxGroups = 1000

// errNoRole refuses someone whom the rules give no role.
var errNoRole = fault.Forbiddenf("you are known, but none of your groups may use this portal. Ask whoever runs it to let one of them in")

// SignIn lets in who a provider says somebody is: their name, e-mail and groups are brought up to date, the rules for groups
// are applied, and a session starts. Who is disabled, or has no role by any rule where no default is given, is Forbidden; the
// role that they had is gone then.
func (s *Store) SignIn(ctx context.Context, act Act, id Identity, n NewSession) (secret string, who Principal, err error) {
	var refused error
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		r, err := s.apply(ctx, tx, &id, true)
		if err != nil {
			return err
		}
		if who, err = principalIn(ctx, tx, r.PersonID); err != nil {
			return err
		}
		act.Who = who
		if r.Role == "" && r.Was == "" {
			return errNoRole
		}
		if r.Role == "" {
			refused = errNoRole
			return s.Audit.Record(ctx, tx, act, r.events(id.Name)...)
		}
		var started Event
		if secret, started, err = s.insertSession(ctx, tx, &who, n); err != nil {
			return err
		}
		act.Who = who
		return s.Audit.Record(ctx, tx, act, append(r.events(id.Name), started)...)
	})
	return secret, who, cmp.Or(err, refused)
}

// ClaimCheck returns what the session's provider is to be asked with, sealed, if it is due to be asked about the session's person
// and nobody else is asking: one request of one replica gets it. Else it returns nil. Until Checked says how it went, it is
// due again after a minute.
func (s *Store) ClaimCheck(ctx context.Context, session int64) (sealed []byte, err error) {
	const q = `
		UPDATE session SET checked_at = now() - @every::interval + @retry::interval
		WHERE id = @id AND checked_at < now() - @every::interval RETURNING sealed`
	err = s.db.QueryRow(ctx, q, pgx.NamedArgs{"id": session, "every": CheckEvery, "retry": checkRetry}).Scan(&sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return sealed, err
}

// Checked brings the person of act's session up to date with what the provider says now, and keeps what it is to be asked with
// the next time. It returns who they are now. Someone whom the rules give no role any more is Forbidden.
func (s *Store) Checked(ctx context.Context, act Act, id Identity, sealed []byte) (who Principal, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		r, err := s.apply(ctx, tx, &id, false)
		if err != nil {
			return err
		}
		if r.PersonID != act.Who.ID {
			return fault.Forbiddenf("the provider speaks of somebody else")
		}
		const q = `UPDATE session SET checked_at = now(), sealed = @sealed WHERE id = @id`
		if _, err := tx.Exec(ctx, q, pgx.NamedArgs{"id": act.Who.SessionID, "sealed": sealed}); err != nil {
			return err
		}
		events := r.events(id.Name)
		if who, err = principalIn(ctx, tx, r.PersonID); err != nil || len(events) == 0 {
			return err
		}
		return s.Audit.Record(ctx, tx, act, events...)
	})
	who.SessionID = act.Who.SessionID
	if err == nil && who.Role == "" {
		err = errNoRole
	}
	return who, err
}

// principalIn returns a person with their teams and domains as the transaction sees them.
func principalIn(ctx context.Context, tx pgx.Tx, person int64) (Principal, error) {
	const q = `SELECT ` + personColumns + `,` + teamsAndDomains + ` FROM person p WHERE p.id = $1`
	type row struct {
		Person
		Teams, Domains []string
	}
	rows, _ := tx.Query(ctx, q, person)
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	return Principal{Person: r.Person, Teams: r.Teams, Domains: r.Domains}, err
}

// apply brings a person up to date with what the provider says and the rules give. A person who is not known yet is added if this
// is a login.
func (s *Store) apply(ctx context.Context, tx pgx.Tx, id *Identity, login bool) (Ruled, error) {
	if id.Issuer == "" || id.Subject == "" || id.Issuer == LocalIssuer {
		return Ruled{}, fault.Forbiddenf("the provider does not say who this is")
	}
	id.bound()
	person, err := s.keepPerson(ctx, tx, id, login)
	if err != nil {
		return Ruled{}, err
	}
	return applyRules(ctx, tx, person, s.DefaultRole)
}

// bound cuts what a provider says to what is kept.
func (id *Identity) bound() {
	cut := func(text string, n int) string {
		if r := []rune(kept(text)); len(r) > n {
			return string(r[:n])
		}
		return kept(text)
	}
	if id.Name == "" {
		id.Name = id.Subject
	}
	id.Name, id.Email = cut(id.Name, 200), cut(id.Email, 320)
	groups := []string{} // none is not null
	for _, g := range id.Groups {
		if len(g) <= 500 && len(groups) < maxGroups {
			if g = kept(g); g != "" && !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
	}
	id.Groups = groups
}

// keepPerson writes what the provider says of a person; the rules are yet to be applied to who is new.
func (s *Store) keepPerson(ctx context.Context, tx pgx.Tx, id *Identity, login bool) (person int64, err error) {
	const find = `SELECT disabled_at IS NOT NULL FROM person WHERE issuer = $1 AND subject = $2 FOR NO KEY UPDATE`
	var disabled bool
	err = tx.QueryRow(ctx, find, id.Issuer, id.Subject).Scan(&disabled)
	switch {
	case errors.Is(err, pgx.ErrNoRows) && login:
	case errors.Is(err, pgx.ErrNoRows):
		return 0, fault.Forbiddenf("the provider speaks of somebody else")
	case err != nil:
		return 0, err
	case disabled:
		return 0, fault.Forbiddenf("you no longer have access to this portal. Ask whoever runs it")
	}
	const keep = `
		INSERT INTO person (issuer, subject, name, email, role, groups, login_at, checked_at) VALUES (@issuer, @subject, @name, @email, '', @groups, now(), now())
		ON CONFLICT (issuer, subject) DO UPDATE SET name = excluded.name, email = excluded.email,
			groups = excluded.groups, checked_at = now(), login_at = CASE WHEN @login THEN now() ELSE person.login_at END
		RETURNING id`
	err = tx.QueryRow(ctx, keep, pgx.NamedArgs{
		"issuer": id.Issuer, "subject": id.Subject, "name": id.Name, "email": id.Email, "groups": id.Groups, "login": login,
	}).Scan(&person)
	return person, err
}

// SignedOut is what a provider says of a logout there: it is about all sessions of a subject, or one session of the provider's.
type SignedOut struct {
	Issuer, Subject, Session string
	At                       time.Time
}

// EndForProvider ends the sessions that a provider says are over, and returns how many. Sessions that began after it said so go
// on, so that telling it twice does no harm.
func (s *Store) EndForProvider(ctx context.Context, act Act, out SignedOut) (n int, err error) {
	const q = `
		DELETE FROM session s USING person p
		WHERE p.id = s.person_id AND p.issuer = @issuer AND s.sealed IS NOT NULL AND (@subject = '' OR p.subject = @subject)
		  AND (@session = '' OR s.provider_session = @session) AND s.created_at <= @at
		RETURNING s.id, s.person_id, p.name`
	if out.Subject == "" && out.Session == "" {
		return 0, nil
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, q, pgx.NamedArgs{"issuer": out.Issuer, "subject": out.Subject, "session": out.Session, "at": out.At})
		type row struct {
			ID, PersonID int64
			Name         string
		}
		gone, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
		if n = len(gone); err != nil || n == 0 {
			return err
		}
		var events []Event
		for _, r := range gone {
			events = append(events, ended(r.ID, r.PersonID, r.Name))
		}
		return s.Audit.Record(ctx, tx, act, events...)
	})
	return n, err
}
