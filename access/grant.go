package access

import (
	"context"
	"slices"
	"time"
)

// Subject is what a Right is about: a dataset, as far as it decides who may read its rows.
type Subject struct {
	ID         int64   // of the dataset that has the page
	Restricted bool    // not everyone signed in may read it
	Team       string  // that owns it
	Domain     string  // whose stewards decide
	Owners     []int64 // people who own it
}

// Right is what a person may read of a dataset's rows, and why.
type Right struct {
	Allowed bool
	Columns []string   // the top-level columns that may be read; nil is all
	Until   *time.Time // when it ends; nil: never
	Why     string     // open, own or grant; "" when not allowed
	GrantID int64      // of a grant
}

// Belongs reports whether the rows of d are who's own to read: they are one of its owners, in its team, steward of its domain,
// or an admin.
func (p *Principal) Belongs(d Subject) bool {
	return p.ID != 0 && (p.Role == Admin || slices.Contains(d.Owners, p.ID) || p.In(d.Team) || p.Role.Includes(Steward) && p.StewardOf(d.Domain))
}

// Owns reports whether who may describe d and decide who reads it: it is theirs, and their role is owner or above.
func (p *Principal) Owns(d Subject) bool { return p.Role.Includes(Owner) && p.Belongs(d) }

// Right returns what who may read of d.
func (s *Store) Right(_ context.Context, who Principal, d Subject) (Right, error) {
	switch {
	case !d.Restricted:
		return Right{Allowed: true, Why: "open"}, nil
	case who.Belongs(d):
		return Right{Allowed: true, Why: "own"}, nil
	}
	return Right{}, nil
}
