package access

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Ruled is what the rules of the estate made of a person: their role and teams before and after.
type Ruled struct {
	PersonID  int64
	Name      string
	Was, Role Role // "": none, so they may do nothing
	// By rule, slugs in order.
	TeamsWere, Teams     []string
	DomainsWere, Domains []string // they are steward of
}

// events returns the event of what changed, if anything did.
func (r *Ruled) events(name string) []Event {
	if r.Was == r.Role && slices.Equal(r.TeamsWere, r.Teams) && slices.Equal(r.DomainsWere, r.Domains) {
		return nil
	}
	return []Event{{"person.role", fmt.Sprintf("person %d %s", r.PersonID, name), map[string]any{
		"before": r.Was, "after": r.Role, "teams_before": r.TeamsWere, "teams_after": r.Teams,
		"domains_before": r.DomainsWere, "domains_after": r.Domains, "by": "rules for groups",
	}}}
}

// applyRules makes the role and the memberships of a person what the rules give to person.groups, and returns what changed. The
// role is the one an admin gave, else the strongest of a rule, where the stewardship of a domain counts as steward, else
// fallback, which may be "" for none. Memberships given by hand stay. person.team stays as long as they are in it, else it is
// the first of their teams. People of LocalIssuer have no provider: their role and team stay unless an admin gave a role.
func applyRules(ctx context.Context, tx pgx.Tx, person int64, fallback Role) (Ruled, error) {
	all, err := applyRulesTo(ctx, tx, []int64{person}, fallback)
	if err != nil {
		return Ruled{}, err
	}
	if len(all) == 0 {
		return Ruled{}, fault.NotFoundf("there is no such person")
	}
	return all[0], nil
}

// applyRulesTo is applyRules for many people, by id; nil is everyone.
func applyRulesTo(ctx context.Context, tx pgx.Tx, people []int64, fallback Role) ([]Ruled, error) {
	const before = `
		SELECT p.id AS person_id, p.name, p.role AS was, '' AS role, ` + teamsByRule + ` AS teams_were, '{}'::text[] AS teams,
			` + domainsByRule + ` AS domains_were, '{}'::text[] AS domains
		FROM person p WHERE @people::bigint[] IS NULL OR p.id = ANY (@people) ORDER BY p.id FOR NO KEY UPDATE`
	args := pgx.NamedArgs{"people": people, "fallback": fallback, "local": LocalIssuer}
	rows, _ := tx.Query(ctx, before, args)
	ruled, err := pgx.CollectRows(rows, pgx.RowToStructByName[Ruled])
	if err != nil {
		return nil, fmt.Errorf("people under rules: %w", err)
	}
	for _, q := range []string{dropTeams, addTeams, dropDomains, addDomains, setRole} {
		if _, err := tx.Exec(ctx, q, args); err != nil {
			return nil, fmt.Errorf("apply the rules of groups: %w", err)
		}
	}
	const after = `
		SELECT p.role, ` + teamsByRule + ` AS teams, ` + domainsByRule + ` AS domains FROM person p
		WHERE @people::bigint[] IS NULL OR p.id = ANY (@people) ORDER BY p.id`
	rows, _ = tx.Query(ctx, after, args)
	var role Role
	var teams, domains []string
	i := 0
	_, err = pgx.ForEachRow(rows, []any{&role, &teams, &domains}, func() error {
		ruled[i].Role, ruled[i].Teams, ruled[i].Domains, teams, domains = role, teams, domains, nil, nil
		i++
		return nil
	})
	return ruled, err
}

// What rules gave to the person p.
const (
	teamsByRule = `
	ARRAY(SELECT t.slug FROM team_member m JOIN team t ON t.id = m.team_id
	      WHERE m.person_id = p.id AND m.by_rule AND t.gone_at IS NULL ORDER BY t.slug)`
	domainsByRule = `
	ARRAY(SELECT d.slug FROM domain_steward m JOIN domain d ON d.id = m.domain_id
	      WHERE m.person_id = p.id AND m.by_rule AND d.gone_at IS NULL ORDER BY d.slug)`
)

// What rules give, each for the people @people.
const (
	dropTeams = `
		DELETE FROM team_member m USING person p
		WHERE m.by_rule AND p.id = m.person_id AND (@people::bigint[] IS NULL OR p.id = ANY (@people)) AND NOT EXISTS (
			SELECT FROM group_rule r JOIN team t ON t.slug = r.team
			WHERE t.id = m.team_id AND t.gone_at IS NULL AND r.claim = ANY (p.groups))`
	addTeams = `
		INSERT INTO team_member (team_id, person_id, by_rule)
		SELECT DISTINCT t.id, p.id, true FROM person p JOIN group_rule r ON r.claim = ANY (p.groups) JOIN team t ON t.slug = r.team
		WHERE t.gone_at IS NULL AND (@people::bigint[] IS NULL OR p.id = ANY (@people))
		ON CONFLICT DO NOTHING`
	dropDomains = `
		DELETE FROM domain_steward m USING person p
		WHERE m.by_rule AND p.id = m.person_id AND (@people::bigint[] IS NULL OR p.id = ANY (@people)) AND NOT EXISTS (
			SELECT FROM group_rule r JOIN domain d ON d.slug = r.domain
			WHERE d.id = m.domain_id AND d.gone_at IS NULL AND r.claim = ANY (p.groups))`
	addDomains = `
		INSERT INTO domain_steward (domain_id, person_id, by_rule)
		SELECT DISTINCT d.id, p.id, true FROM person p JOIN group_rule r ON r.claim = ANY (p.groups) JOIN domain d ON d.slug = r.domain
		WHERE d.gone_at IS NULL AND (@people::bigint[] IS NULL OR p.id = ANY (@people))
		ON CONFLICT DO NOTHING`
	setRole = `
		WITH ranks AS (SELECT role, rank FROM unnest('{viewer,analyst,owner,steward,admin}'::text[]) WITH ORDINALITY AS r (role, rank)),
		now_so AS (
			SELECT p.id, coalesce(p.given_role, CASE WHEN p.issuer = @local OR p.kind = 'service' THEN coalesce(nullif(p.made_role, ''), p.role) END,
				(SELECT k.role FROM group_rule r JOIN ranks k ON k.role = r.role OR r.domain <> '' AND k.role = 'steward'
				 WHERE r.claim = ANY (p.groups) ORDER BY k.rank DESC LIMIT 1), @fallback) AS role,
				CASE WHEN p.issuer = @local OR p.kind = 'service' THEN p.team ELSE coalesce(
					(SELECT t.slug FROM team_member m JOIN team t ON t.id = m.team_id
					 WHERE m.person_id = p.id AND t.gone_at IS NULL ORDER BY t.slug <> p.team, t.slug LIMIT 1), '') END AS team
			FROM person p WHERE @people::bigint[] IS NULL OR p.id = ANY (@people)
		)
		UPDATE person p SET role = n.role, team = n.team FROM now_so n WHERE p.id = n.id AND (p.role, p.team) IS DISTINCT FROM (n.role, n.team)`
)
