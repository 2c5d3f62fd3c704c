package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// ServiceIssuer is the issuer of services: no provider has it, so nobody can sign in as one.
const ServiceIssuer = "service"

// Service is a program that uses the API in its own name.
type Service struct {
	Person     // Subject is what tells it from others
	CreatedAt  time.Time
	DisabledAt *time.Time
	Tokens     int        // that can be used
	UsedAt     *time.Time // last use of any of its tokens, to five minutes
}

const serviceSelect = `
	SELECT ` + personColumns + `, p.created_at, p.disabled_at,
		(SELECT count(*) FROM token t WHERE t.person_id = p.id AND t.revoked_at IS NULL AND t.expires_at > now()) AS tokens,
		(SELECT max(t.used_at) FROM token t WHERE t.person_id = p.id) AS used_at
	FROM person p WHERE p.kind = 'service'`

// Services returns the services, those that are disabled last, by name, at most limit of them.
func (s *Store) Services(ctx context.Context, limit int) ([]Service, error) {
	rows, _ := s.db.Query(ctx, serviceSelect+` ORDER BY p.disabled_at IS NOT NULL, lower(p.name), p.id LIMIT $1`, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Service])
}

// Service returns one, also when it is disabled.
func (s *Store) Service(ctx context.Context, id int64) (Service, error) {
	rows, _ := s.db.Query(ctx, serviceSelect+` AND p.id = $1`, id)
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Service])
	if errors.Is(err, pgx.ErrNoRows) {
		return Service{}, fault.NotFoundf("there is no such service")
	}
	return v, err
}

// CreateService makes a service of p's subject, name, team and role and returns its id. It is for admins.
func (s *Store) CreateService(ctx context.Context, act Act, p Person) (id int64, err error) {
	const q = `
		INSERT INTO person (issuer, subject, name, team, role, made_role, kind) VALUES (@issuer, @subject, @name, @team, @role, @role, 'service')
		ON CONFLICT (issuer, subject) DO NOTHING RETURNING id`
	if act.Who.Role != Admin {
		return 0, fault.Forbiddenf("services are made by admins")
	}
	p.Name, p.Team = strings.TrimSpace(p.Name), strings.TrimSpace(p.Team)
	switch {
	case !slugs.MatchString(p.Subject):
		return 0, fault.Invalidf("subject", "a service is called by 1 to 63 small letters, digits, dots, dashes and underscores, such as nightly-export")
	case p.Name == "" || utf8.RuneCountInString(p.Name) > 100:
		return 0, fault.Invalidf("name", "the name says what the service is, in at most 100 characters")
	case p.Team != "" && !slugs.MatchString(p.Team):
		return 0, fault.Invalidf("team", "the team is the short name of one, such as data-eng")
	case !p.Role.Includes(Viewer):
		return 0, fault.Invalidf("role", "the role is viewer, analyst, owner, steward or admin")
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		args := pgx.NamedArgs{"issuer": ServiceIssuer, "subject": p.Subject, "name": p.Name, "team": p.Team, "role": p.Role}
		err := tx.QueryRow(ctx, q, args).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.Invalidf("subject", "there is a service %s already", p.Subject)
		}
		if err != nil {
			return fmt.Errorf("make service %s: %w", p.Subject, err)
		}
		return s.Audit.Record(ctx, tx, act, Event{
			Action: "service.create", Object: "service " + p.Subject,
			Detail: map[string]any{"person_id": id, "name": p.Name, "team": p.Team, "role": p.Role},
		})
	})
	return id, err
}
