package catalog

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
)

// Store keeps the catalog in Postgres. What people change is changed only if Audit can record it.
type Store struct {
	Audit *access.Audit // nil: nobody can change anything
	db    *pgxpool.Pool
}

// NewStore returns a Store on db, whose schema is up to date.
func NewStore(db *pgxpool.Pool) *Store { return &Store{db: db} }
