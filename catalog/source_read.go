package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

const crawlSelect = `
	SELECT c.id, s.slug AS source, c.trigger, c.state, c.scope, c.scopes_total, c.scopes_done, c.seen, c.added, c.changed, c.renamed,
	       c.gone, c.failed, c.message, c.started_at, c.heartbeat_at, c.finished_at
	FROM crawl c JOIN source s ON s.id = c.source_id `

func (s *Store) crawls(ctx context.Context, query string, args ...any) ([]Crawl, error) {
	rows, _ := s.db.Query(ctx, query, args...) // CollectRows returns this error
	return pgx.CollectRows(rows, pgx.RowToStructByName[Crawl])
}

// PutSource adds a source, or brings the one with its slug up to date, and returns it with its id.
func (s *Store) PutSource(ctx context.Context, src Source) (Source, error) {
	const q = `
		INSERT INTO source (slug, kind, title, namespace, aliases, note, config, crawl_every, declared_in)
		VALUES (@slug, @kind, @title, @namespace, @aliases, @note, @config, @every, @declared)
		ON CONFLICT (slug) DO UPDATE SET kind = excluded.kind, title = excluded.title, namespace = excluded.namespace,
			aliases = excluded.aliases, note = excluded.note, config = excluded.config, crawl_every = excluded.crawl_every,
			declared_in = excluded.declared_in, retired_at = NULL
		RETURNING id`
	if src.Config == nil {
		src.Config = map[string]string{}
	}
	if src.Aliases == nil {
		src.Aliases = []string{}
	}
	if src.CrawlEvery == 0 {
		src.CrawlEvery = time.Hour
	}
	err := s.db.QueryRow(ctx, q, pgx.NamedArgs{
		"slug": src.Slug, "kind": src.Kind, "title": src.Title, "namespace": src.Namespace,
		"note": src.Note, "config": src.Config, "every": src.CrawlEvery, "aliases": src.Aliases, "declared": src.DeclaredIn,
	}).Scan(&src.ID)
	if err != nil {
		return Source{}, fmt.Errorf("put source %s: %w", src.Slug, err)
	}
	return src, nil
}

// Source returns one source without its counts.
func (s *Store) Source(ctx context.Context, slug string) (Source, error) {
	const q = `
		SELECT id, slug, kind, title, namespace, aliases, note, config, crawl_every, declared_in, retired_at FROM source WHERE slug = $1`
	rows, _ := s.db.Query(ctx, q, slug)
	src, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Source])
	if errors.Is(err, pgx.ErrNoRows) {
		return Source{}, fault.NotFoundf("there is no source %s", slug)
	}
	return src, err
}

// Sources returns all sources by slug.
func (s *Store) Sources(ctx context.Context) ([]SourceStatus, error) { return s.sources(ctx, "") }

// SourceStatus returns one source.
func (s *Store) SourceStatus(ctx context.Context, slug string) (SourceStatus, error) {
	found, err := s.sources(ctx, slug)
	if err == nil && (slug == "" || len(found) == 0) {
		err = fault.NotFoundf("there is no source %s", slug)
	}
	if err != nil {
		return SourceStatus{}, err
	}
	return found[0], nil
}

// sources returns the source named slug, or all when it is "".
func (s *Store) sources(ctx context.Context, slug string) ([]SourceStatus, error) {
	const q = `
		SELECT s.id, s.slug, s.kind, s.title, s.namespace, s.aliases, s.note, s.config, s.crawl_every, s.declared_in,
		       s.retired_at, s.next_crawl_at,
		       (SELECT max(finished_at) FROM crawl WHERE source_id = s.id
		           AND (state = 'finished' OR state = 'partial' AND (seen > 0 OR scopes_total > failed))) AS last_ok_at,
		       (SELECT coalesce(sum(datasets), 0) FROM source_scope WHERE source_id = s.id) AS datasets,
		       (SELECT count(*) FROM dataset WHERE source_id = s.id AND gone_at IS NOT NULL) AS gone,
		       (SELECT count(*) FROM dataset WHERE source_id = s.id AND gone_at IS NULL AND problem <> '') AS problems
		FROM source s WHERE $1 = '' OR s.slug = $1 ORDER BY s.slug`
	type row struct {
		Source
		Datasets, Gone, Problems int
		NextCrawlAt              time.Time
		LastOKAt                 *time.Time
	}
	rows, _ := s.db.Query(ctx, q, slug)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return nil, fmt.Errorf("sources: %w", err)
	}
	statuses := make([]SourceStatus, len(found))
	const newest = crawlSelect + `
		WHERE c.id = ANY(ARRAY(SELECT (SELECT id FROM crawl WHERE source_id = x.id ORDER BY id DESC LIMIT 1) FROM source x WHERE $1 = '' OR x.slug = $1))`
	crawls, err := s.crawls(ctx, newest, slug)
	if err != nil {
		return nil, fmt.Errorf("last crawls: %w", err)
	}
	last := map[string]*Crawl{}
	for i := range crawls {
		last[crawls[i].Source] = &crawls[i]
	}
	for i, r := range found {
		statuses[i] = SourceStatus{
			Source: r.Source, Datasets: r.Datasets, Gone: r.Gone, Problems: r.Problems,
			NextCrawlAt: r.NextCrawlAt, LastOKAt: r.LastOKAt, Last: last[r.Slug],
		}
	}
	return statuses, nil
}

// Scopes returns the parts of a source by name.
func (s *Store) Scopes(ctx context.Context, slug string) ([]Scope, error) {
	const q = `
		SELECT p.name, p.datasets, p.ok_at, p.problem, p.problem_since
		FROM source_scope p JOIN source s ON s.id = p.source_id WHERE s.slug = $1 ORDER BY p.name`
	rows, _ := s.db.Query(ctx, q, slug)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Scope])
}

// Crawls returns the newest crawls of a source first.
func (s *Store) Crawls(ctx context.Context, slug string, limit int) ([]Crawl, error) {
	return s.crawls(ctx, crawlSelect+`WHERE s.slug = $1 ORDER BY c.id DESC LIMIT $2`, slug, limit)
}

// Crawl returns one crawl.
func (s *Store) Crawl(ctx context.Context, id int64) (Crawl, error) {
	rows, _ := s.db.Query(ctx, crawlSelect+`WHERE c.id = $1`, id)
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Crawl])
	if errors.Is(err, pgx.ErrNoRows) {
		return Crawl{}, fault.NotFoundf("there is no crawl %d", id)
	}
	return c, err
}

// CrawlErrors returns what a crawl could not read, in the order in which it met them, at most limit entries.
func (s *Store) CrawlErrors(ctx context.Context, id int64, limit int) ([]CrawlError, error) {
	const q = `SELECT scope, name, message, at FROM crawl_error WHERE crawl_id = $1 ORDER BY id LIMIT $2`
	rows, _ := s.db.Query(ctx, q, id, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[CrawlError])
}
