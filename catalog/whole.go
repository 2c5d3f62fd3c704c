package catalog

import (
	"context"
	"time"
)

// Whole is a dataset together with the others that are the same thing: what its page shows.
type Whole struct {
	Dataset                // the one that has the page; what it does not say itself is taken from the others
	From    map[string]Key // by name of a field that was taken ("description", "team" …), whom it was taken from
	Others  []Same         // closest to the data first
	Detail  Detail         // its own, and what only others have
}

// Same is a dataset that is the same thing as another.
type Same struct {
	Dataset
	Part   string // which part of the thing it is about: key or value of a topic; "" for all of it
	Detail Detail
}

// WholeColumn is a column of a Whole.
type WholeColumn struct {
	Column
	Part        string // key or value of a topic, else ""
	From        Key    // the dataset that says what columns there are
	CommentFrom Key    // the one that describes this column; zero when none does
}

// Measurement is what a crawl found; it stands until the next one.
type Measurement struct {
	At        time.Time
	RowCount  *int64
	ByteCount *int64
	FileCount *int64
	DataAt    *time.Time
}

// Whole returns the dataset whose page shows d, which may be d itself, with all that is known of it.
func (s *Store) Whole(ctx context.Context, d Dataset) (Whole, error) {
	return Whole{Dataset: d, From: map[string]Key{}}, nil
}

// WholeColumns returns the first limit columns of w in order, those of a topic's value before those of its key.
func (s *Store) WholeColumns(ctx context.Context, w *Whole, limit int) ([]WholeColumn, error) {
	own, err := s.FirstColumns(ctx, w.ID, limit)
	if err != nil {
		return nil, err
	}
	columns := make([]WholeColumn, len(own))
	for i, c := range own {
		columns[i] = WholeColumn{Column: c, From: w.Key()}
	}
	return columns, nil
}

// WholeVersions is Versions of all that w is made of; each change of another dataset than w itself says whose it is.
func (s *Store) WholeVersions(ctx context.Context, w *Whole, before, limit int) ([]Version, error) {
	return s.Versions(ctx, w.ID, before, limit)
}

// Measurements returns the figures of a dataset as they changed, oldest first, at most the newest limit.
func (s *Store) Measurements(ctx context.Context, id int64, limit int) ([]Measurement, error) {
	return nil, nil
}
