package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/fault"
)

// Store keeps people, sessions and tokens in Postgres. Every age is judged by the database's clock.
//
// What it does is done only if Audit can record it.
type Store struct {
	Audit *Audit // nil: nothing that must be recorded can be done
	Told  Told   // passes on what people must hear of requests and grants; nil: nobody is told
	// How long a session lasts: idle since its last use, and in all. NewStore sets SessionIdle and SessionMax.
	Idle, Max time.Duration
	// DefaultRole is the role of people whom no rule of a group gives one; "": none, so they may do nothing.
	DefaultRole Role

	// Anchors is a file outside of the database that heads of the audit log are kept in, or "".
	Anchors string
	// Trust is how long the tokens of people work after their provider vouched for them last; services have none.
	Trust time.Duration

	db       *pgxpool.Pool
	telling  sync.Mutex
	furthest Head // of those that this process has told
}

// NewStore returns a Store on db, whose schema is up to date.
func NewStore(db *pgxpool.Pool) *Store {
	return &Store{db: db, Idle: SessionIdle, Max: SessionMax, DefaultRole: Viewer, Trust: TokenTrust}
}

// LocalIssuer is the issuer of people whom the portal itself made: those of the demo and of "portreeve token create".
const LocalIssuer = "local"

// personColumns lists the fields of a Person.
const personColumns = `p.id, p.issuer, p.subject, p.name, p.email, p.team, p.role, p.theme, p.nav, p.kind`

// teamsAndDomains are the fields Teams and Domains of a Principal, who is the person p.
const teamsAndDomains = `
	ARRAY(SELECT p.team WHERE p.team <> '' AND NOT EXISTS (SELECT FROM team t WHERE t.slug = p.team AND t.gone_at IS NOT NULL)
	      UNION SELECT t.slug FROM team_member m JOIN team t ON t.id = m.team_id WHERE m.person_id = p.id AND t.gone_at IS NULL) AS teams,
	ARRAY(SELECT d.slug FROM domain_steward m JOIN domain d ON d.id = m.domain_id WHERE m.person_id = p.id AND d.gone_at IS NULL
	      GROUP BY d.slug) AS domains`

// DemoPeople returns whom the demo's visitors switch between. The first is who one is without having chosen.
func DemoPeople() []Person {
	return []Person{
		{Issuer: LocalIssuer, Subject: "analyst", Name: "Ana Ruiz", Team: "network-planning", Role: Analyst},
		{Issuer: LocalIssuer, Subject: "owner", Name: "Owen Park", Team: "flight-ops", Role: Owner},
		{Issuer: LocalIssuer, Subject: "admin", Name: "Ida Lund", Team: "data-platform", Role: Admin},
	}
}

// EnsurePerson adds the person named by issuer and subject, or brings name, e-mail, team and role up to date, and returns
// them as stored. Preferences stay as they are. It records nothing: it is for people whom the portal brings along.
func (s *Store) EnsurePerson(ctx context.Context, p Person) (Person, error) {
	return ensure(ctx, s.db, p)
}

// CreatePerson is EnsurePerson for one whom somebody makes.
func (s *Store) CreatePerson(ctx context.Context, act Act, p Person) (made Person, err error) {
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if made, err = ensure(ctx, tx, p); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, act, Event{"person.create", fmt.Sprintf("person %d %s", made.ID, made.Name), map[string]any{"role": made.Role, "issuer": made.Issuer}})
	})
	return made, err
}

func ensure(ctx context.Context, db querier, p Person) (Person, error) {
	const q = `
		INSERT INTO person AS p (issuer, subject, name, email, team, role, made_role) VALUES (@issuer, @subject, @name, @email, @team, @role, @role)
		ON CONFLICT (issuer, subject) DO UPDATE SET name = excluded.name, email = excluded.email, team = excluded.team,
			role = coalesce(p.given_role, excluded.role), made_role = excluded.made_role
		RETURNING ` + personColumns
	if p.Subject == "" || !p.Role.Includes(Viewer) {
		return Person{}, fault.Invalidf("/role", "a person needs a subject and one of the roles viewer, analyst, owner, steward, admin")
	}
	rows, _ := db.Query(ctx, q, pgx.NamedArgs{
		"issuer": p.Issuer, "subject": p.Subject, "name": p.Name, "email": p.Email,
		"team": p.Team, "role": p.Role,
	})
	stored, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Person])
	if err != nil {
		return Person{}, fmt.Errorf("person %s: %w", p.Subject, err)
	}
	return stored, nil
}

// PersonBySubject returns a person who is not disabled.
func (s *Store) PersonBySubject(ctx context.Context, issuer, subject string) (Person, error) {
	const q = `SELECT ` + personColumns + ` FROM person p WHERE p.issuer = @issuer AND p.subject = @subject AND p.disabled_at IS NULL`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"issuer": issuer, "subject": subject})
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Person])
	if errors.Is(err, pgx.ErrNoRows) {
		return Person{}, fault.NotFoundf("there is no person %s", subject)
	}
	return p, err
}

// Principal returns who a person is when they ask without a session or a token: the demo's visitors, commands, jobs.
func (s *Store) Principal(ctx context.Context, issuer, subject string) (Principal, error) {
	const q = `
		SELECT ` + personColumns + `,` + teamsAndDomains + ` FROM person p
		WHERE p.issuer = @issuer AND p.subject = @subject AND p.disabled_at IS NULL`
	type row struct {
		Person
		Teams, Domains []string
	}
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"issuer": issuer, "subject": subject})
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return Principal{}, fault.NotFoundf("there is no person %s", subject)
	}
	return Principal{Person: r.Person, Teams: r.Teams, Domains: r.Domains}, err
}

// People returns everyone who is not disabled, by name, at most limit of them.
func (s *Store) People(ctx context.Context, limit int) ([]Person, error) {
	const q = `SELECT ` + personColumns + ` FROM person p WHERE p.disabled_at IS NULL ORDER BY p.name, p.id LIMIT $1`
	rows, _ := s.db.Query(ctx, q, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Person])
}

// SetPreferences keeps how a person wants the portal to look: theme is "", light or dark; nav is "" or icons.
func (s *Store) SetPreferences(ctx context.Context, person int64, theme, nav string) error {
	switch theme {
	case "", "light", "dark":
	default:
		return fault.Invalidf("theme", "the theme is light, dark or empty, which follows the device")
	}
	if nav != "" && nav != "icons" {
		return fault.Invalidf("nav", "the navigation is icons or empty, which shows names")
	}
	_, err := s.db.Exec(ctx, `UPDATE person SET theme = @theme, nav = @nav WHERE id = @id`,
		pgx.NamedArgs{"theme": theme, "nav": nav, "id": person})
	return err
}
