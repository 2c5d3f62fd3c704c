package catalog

import (
	"context"
	"time"
)

// Totals is how much the catalog holds.
type Totals struct {
	Sources  int
	Datasets int // live ones
	Columns  int
	Rows     int64
	Bytes    int64
}

// DatasetVersion is a change of a dataset as a list of news shows it.
type DatasetVersion struct {
	Dataset Dataset
	At      time.Time
	Changes []Change // of that moment, at most 20
}

// Sources returns all sources by slug.
func (s *Store) Sources(ctx context.Context) ([]SourceStatus, error) { return nil, nil }

// SourceStatus returns one source.
func (s *Store) SourceStatus(ctx context.Context, slug string) (SourceStatus, error) {
	return SourceStatus{}, nil
}

// Scopes returns the parts of a source by name.
func (s *Store) Scopes(ctx context.Context, slug string) ([]Scope, error) { return nil, nil }

// Crawls returns the newest crawls of a source first.
func (s *Store) Crawls(ctx context.Context, slug string, limit int) ([]Crawl, error) { return nil, nil }

// Crawl returns one crawl.
func (s *Store) Crawl(ctx context.Context, id int64) (Crawl, error) { return Crawl{}, nil }

// CrawlErrors returns what a crawl could not read, at most limit entries.
func (s *Store) CrawlErrors(ctx context.Context, id int64, limit int) ([]CrawlError, error) {
	return nil, nil
}

// Dataset returns the dataset named by key. The name is matched exactly, else without regard to case if that finds one.
func (s *Store) Dataset(ctx context.Context, key Key) (Dataset, error) { return Dataset{}, nil }

// Near returns datasets whose name is like key's, for a page that has nothing to show.
func (s *Store) Near(ctx context.Context, key Key, limit int) ([]Dataset, error) { return nil, nil }

// CaseTwins returns the other datasets whose names differ from key's only by case.
func (s *Store) CaseTwins(ctx context.Context, key Key) ([]Dataset, error) { return nil, nil }

// Columns returns a dataset's columns in order.
func (s *Store) Columns(ctx context.Context, id int64) ([]Column, error) { return nil, nil }

// Versions returns a dataset's history, newest version first, of versions numbered below before (0: from the newest).
func (s *Store) Versions(ctx context.Context, id int64, before, limit int) ([]Version, error) {
	return nil, nil
}

// Snapshots returns a dataset's commits, newest first.
func (s *Store) Snapshots(ctx context.Context, id int64, limit int) ([]Snapshot, error) {
	return nil, nil
}

// Profile returns the newest profile of a dataset, or NotFound before the first.
func (s *Store) Profile(ctx context.Context, id int64) (Profile, error) { return Profile{}, nil }

// Totals counts what the catalog holds.
func (s *Store) Totals(ctx context.Context) (Totals, error) { return Totals{}, nil }

// News returns the newest changes of all datasets.
func (s *Store) News(ctx context.Context, limit int) ([]DatasetVersion, error) { return nil, nil }

// Opened returns the datasets that a person opened last, newest first.
func (s *Store) Opened(ctx context.Context, person int64, limit int) ([]Dataset, error) {
	return nil, nil
}

// Popular returns the datasets that most is done with.
func (s *Store) Popular(ctx context.Context, limit int) ([]Dataset, error) { return nil, nil }

// MarkOpened notes that a person opened a dataset.
func (s *Store) MarkOpened(ctx context.Context, person, dataset int64) error { return nil }
