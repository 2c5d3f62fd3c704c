package access

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// tellMember tells a person that somebody else has put them into a team or a domain, or taken them out. action is as in the audit log.
func (s *Store) tellMember(ctx context.Context, tx pgx.Tx, act Act, action, slug string, person int64) error {
	if s.Told == nil || act.Who.ID == person {
		return nil
	}
	n := News{Person: person, Event: "membership"}
	switch action {
	case "team.member.add":
		n.Title, n.Path = act.Who.Name+" put you into the team "+slug, "/teams/"+slug
		n.Body = "You may read what the team owns."
	case "team.member.remove":
		n.Title, n.Path = act.Who.Name+" took you out of the team "+slug, "/teams/"+slug
		n.Body = "What the team owns is no longer yours by it."
	case "domain.steward.add":
		n.Title, n.Path = act.Who.Name+" made you a steward of "+slug, "/domains/"+slug
	case "domain.steward.remove":
		n.Title, n.Path = act.Who.Name+" took you off the stewards of "+slug, "/domains/"+slug
	}
	// Someone may be put in and taken out any number of times, and is told of each.
	if err := tx.QueryRow(ctx, `SELECT $1 || ' ' || $2 || ' ' || pg_current_xact_id()`, action, slug).Scan(&n.Once); err != nil {
		return err
	}
	return s.tell(ctx, tx, n)
}
