package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portreeve/fault"
)

// CrawlTopic is the Postgres channel on which the id of a crawl is announced whenever its row changes.
const CrawlTopic = "crawl"

// A running crawl says every heartbeat that it lives; after staleAfter of silence it is taken for dead. One that waits in
// the queue says nothing and is given an hour.
const (
	heartbeat  = 20 * time.Second
	staleAfter = 2 * time.Minute
)

// OpenCrawl returns the crawl of source that is queued or running, or a new queued one, in the caller's transaction. by says
// who asks. fresh tells that the caller must see to it being run. A running crawl that has been silent for two minutes is
// marked failed first.
func OpenCrawl(ctx context.Context, tx pgx.Tx, source, by string) (id int64, fresh bool, err error) {
	if err := failStale(ctx, tx, source); err != nil {
		return 0, false, err
	}
	const insert = `
		INSERT INTO crawl (source_id, trigger, state) SELECT id, $2, 'queued' FROM source WHERE slug = $1 AND kind <> 'registered'
		ON CONFLICT (source_id) WHERE state IN ('queued', 'running') DO NOTHING RETURNING id`
	switch err := tx.QueryRow(ctx, insert, source, by).Scan(&id); {
	case err == nil:
		_, err = tx.Exec(ctx, `UPDATE source SET next_crawl_at = now() + crawl_every WHERE slug = $1`, source)
		return id, true, err
	case !errors.Is(err, pgx.ErrNoRows):
		return 0, false, fmt.Errorf("open crawl of %s: %w", source, err)
	}
	const open = `SELECT c.id FROM crawl c JOIN source s ON s.id = c.source_id WHERE s.slug = $1 AND c.state IN ('queued', 'running')`
	err = tx.QueryRow(ctx, open, source).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, fault.NotFoundf("there is no source %s that can be crawled", source)
	}
	return id, false, err
}

// execer is a pool or a transaction.
type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// failStale marks silent crawls of a source as failed; "" is every source.
func failStale(ctx context.Context, db execer, source string) error {
	const q = `
		UPDATE crawl c SET state = 'failed', finished_at = now(), message = 'the portal stopped in the middle of this crawl'
		FROM source s WHERE s.id = c.source_id AND $1 IN ('', s.slug)
		  AND (c.state = 'running' AND c.heartbeat_at < now() - $2::interval OR c.state = 'queued' AND c.heartbeat_at < now() - interval '1 hour')`
	_, err := db.Exec(ctx, q, source, staleAfter)
	return err
}

// FailStaleCrawls marks crawls as failed whose process has been silent for two minutes, and makes their sources due.
func (s *Store) FailStaleCrawls(ctx context.Context) error {
	const due = `
		UPDATE source s SET next_crawl_at = now() FROM crawl c
		WHERE c.source_id = s.id AND c.state = 'running' AND c.heartbeat_at < now() - $1::interval`
	if _, err := s.db.Exec(ctx, due, staleAfter); err != nil {
		return err
	}
	return failStale(ctx, s.db, "")
}

// DueSources returns the slugs of the sources whose next crawl is due.
func (s *Store) DueSources(ctx context.Context) ([]string, error) {
	rows, _ := s.db.Query(ctx, `SELECT slug FROM source WHERE next_crawl_at <= now() AND retired_at IS NULL AND kind <> 'registered' ORDER BY next_crawl_at, slug LIMIT 100`)
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// saveCrawl writes the crawl's progress and announces it. It fails with Conflict when the crawl is no longer ours: another
// process took it for dead.
func (s *Store) saveCrawl(ctx context.Context, c *Crawl) error {
	const q = `
		UPDATE crawl SET state = @state, scope = @scope, scopes_total = @total, scopes_done = @done, seen = @seen, added = @added,
			changed = @changed, renamed = @renamed, gone = @gone, failed = @failed, message = @message, heartbeat_at = now(),
			finished_at = CASE WHEN @state IN ('queued', 'running') THEN NULL ELSE now() END
		WHERE id = @id AND state IN ('queued', 'running')`
	tag, err := s.db.Exec(ctx, q, pgx.NamedArgs{
		"id": c.ID, "state": c.State, "scope": c.Scope, "total": c.ScopesTotal,
		"done": c.ScopesDone, "seen": c.Seen, "added": c.Added, "changed": c.Changed, "renamed": c.Renamed, "gone": c.Gone,
		"failed": c.Failed, "message": tidy(c.Message, maxText),
	})
	if err != nil {
		return fmt.Errorf("save crawl %d: %w", c.ID, err)
	}
	if tag.RowsAffected() == 0 {
		return fault.Conflictf("crawl %d has ended already", c.ID)
	}
	_, err = s.db.Exec(ctx, `SELECT pg_notify($1, $2)`, CrawlTopic, FormatID(c.ID))
	return err
}

// beat says that crawl id lives until ctx ends, however long the source takes to answer.
func (s *Store) beat(ctx context.Context, id int64) {
	t := time.NewTicker(heartbeat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C: // a failure shows at the crawl's next write
			_, _ = s.db.Exec(ctx, `UPDATE crawl SET heartbeat_at = now() WHERE id = $1 AND state = 'running'`, id)
		}
	}
}

// addCrawlError keeps what could not be read; name is "" for the whole scope.
func (s *Store) addCrawlError(ctx context.Context, crawl int64, scope, name, message string) error {
	const q = `INSERT INTO crawl_error (crawl_id, scope, name, message) VALUES ($1, $2, $3, $4)`
	_, err := s.db.Exec(ctx, q, crawl, tidy(scope, maxShort), tidy(name, maxName), tidy(message, maxShort))
	return err
}

// markProblem notes that a dataset is there but cannot be read, since now or since it was first noted, so that it is not
// taken for gone. It does nothing for a dataset that was never seen whole.
func (s *Store) markProblem(ctx context.Context, run *Crawl, name, message string) error {
	const q = `
		UPDATE dataset d SET problem = $3, problem_since = coalesce(problem_since, now()), seen_at = now(), seen_crawl = $4
		FROM source s WHERE s.id = d.source_id AND s.slug = $1 AND d.name = $2 AND d.gone_at IS NULL`
	_, err := s.db.Exec(ctx, q, run.Source, name, tidy(message, maxShort), run.ID)
	return err
}

// Message returns what a person may be told of an error while crawling.
func crawlMessage(err error) string {
	if m := fault.Message(err); m != "" {
		return m
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "it did not answer in time"
	}
	return "it could not be read; the log of the portal has the cause"
}
