package catalog

import (
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store keeps the catalog in Postgres.
type Store struct {
	db *pgxpool.Pool
}

// NewStore returns a Store on db, whose schema is up to date.
func NewStore(db *pgxpool.Pool) *Store { return &Store{db} }
