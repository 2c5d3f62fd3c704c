// Package notify tells people of what they watch: it turns changes into notifications and sees to it that they arrive, on
// Home, by e-mail or at a webhook, once.
package notify

import "github.com/jackc/pgx/v5/pgxpool"

// Store keeps watches, notifications and deliveries in Postgres.
type Store struct {
	db *pgxpool.Pool
}

// NewStore returns a Store on db, whose schema is up to date.
func NewStore(db *pgxpool.Pool) *Store { return &Store{db: db} }
