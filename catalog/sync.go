package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Sync carries out crawl id: it reads the source scope by scope through c and makes the catalog agree. What cannot be read
// is noted on the crawl, keeps its last good state and stops nothing else. Only what a scope, read to its end, no longer
// has is marked gone. Sync may run again for a crawl that broke off: what it saw already is found unchanged.
//
// An error means that the crawl could not be carried on, such as a database that went away; the crawl is then still open
// and Sync may be called again. A source that does not answer is not an error of Sync: it is the result of the crawl.
// now is the process's clock and only paces progress.
func Sync(ctx context.Context, s *Store, id int64, c Crawler, now func() time.Time, log *slog.Logger) (Crawl, error) {
	run, err := s.Crawl(ctx, id)
	if err != nil {
		return run, err
	}
	if run.FinishedAt != nil {
		return run, nil
	}
	beating, stop := context.WithCancel(ctx)
	defer stop()
	go s.beat(beating, id)
	source, err := s.Source(ctx, run.Source)
	if err != nil {
		return run, err
	}
	y := &syncer{store: s, crawler: c, source: source, run: &run, now: now, log: log}
	if err := y.all(ctx); err != nil {
		return run, fmt.Errorf("crawl %d of %s: %w", id, run.Source, err)
	}
	return run, nil
}

// Fail ends crawl id with a message, for a source that could not even be opened.
func (s *Store) Fail(ctx context.Context, id int64, cause error) error {
	run, err := s.Crawl(ctx, id)
	if err != nil || run.FinishedAt != nil {
		return err
	}
	run.State, run.Message = CrawlFailed, crawlMessage(cause)
	return s.saveCrawl(ctx, &run)
}

type syncer struct {
	store   *Store
	crawler Crawler
	source  Source
	run     *Crawl
	now     func() time.Time
	log     *slog.Logger
	saved   time.Time
	failed  []string // scopes that could not be listed
}

func (y *syncer) all(ctx context.Context) error {
	*y.run = Crawl{ID: y.run.ID, Source: y.run.Source, Trigger: y.run.Trigger, State: CrawlRunning, StartedAt: y.run.StartedAt}
	if err := y.save(ctx, true); err != nil {
		return err
	}
	scopes, err := y.crawler.Scopes(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		y.log.WarnContext(ctx, "source not crawled", "source", y.run.Source, "error", err)
		y.run.State, y.run.Message = CrawlFailed, crawlMessage(err)
		return y.save(ctx, true)
	}
	y.run.ScopesTotal = len(scopes)
	for _, scope := range scopes {
		if len(scope) > maxName || !storable(scope) {
			if err := y.scopeRefused(ctx, scope); err != nil {
				return err
			}
			continue
		}
		y.run.Scope = scope
		if err := y.save(ctx, true); err != nil {
			return err
		}
		if err := y.scope(ctx, scope); err != nil {
			return err
		}
		y.run.ScopesDone++
	}
	if err := y.dropScopes(ctx, scopes); err != nil {
		return err
	}
	if err := y.store.Join(ctx, y.run.Source); err != nil {
		return err
	}
	if err := y.sumScopes(ctx); err != nil {
		return err
	}
	y.run.Scope, y.run.State = "", CrawlFinished
	if y.run.Failed > 0 {
		y.run.State = CrawlPartial
	}
	return y.save(ctx, true)
}

// save writes progress, at most every 200 ms unless it must be now.
func (y *syncer) save(ctx context.Context, must bool) error {
	if t := y.now(); must || t.Sub(y.saved) > 200*time.Millisecond {
		y.saved = t
		return y.store.saveCrawl(ctx, y.run)
	}
	return nil
}

func (y *syncer) scope(ctx context.Context, scope string) error {
	b, known, err := y.newBatch(ctx, scope)
	if err != nil {
		return err
	}
	for o, err := range y.crawler.Datasets(ctx, scope, known) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && o.Name == "" {
			if failed := y.flush(ctx, b); failed != nil {
				return failed
			}
			return y.scopeFailed(ctx, scope, err)
		}
		if err == nil {
			err = y.add(ctx, b, &o)
			if err != nil && fault.KindOf(err) != fault.Invalid {
				return err
			}
		}
		if err != nil {
			if err := y.datasetFailed(ctx, scope, o.Name, err); err != nil {
				return err
			}
		}
		y.run.Seen++
		if b.isFull() {
			err = y.flush(ctx, b)
		} else {
			err = y.save(ctx, false)
		}
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil { // the stream may have ended because of it: what is missing is not gone
		return ctx.Err()
	}
	if err := y.flush(ctx, b); err != nil {
		return err
	}
	return y.endScope(ctx, scope)
}

// formerly returns the name under which a dataset that looks new is known already, or "". It takes the same native id and
// the source's word that the old name is no longer there.
func (y *syncer) formerly(ctx context.Context, o *Observation) (string, error) {
	if o.NativeID == "" {
		return "", nil
	}
	const q = `
		SELECT d.name FROM dataset d JOIN source s ON s.id = d.source_id
		WHERE s.slug = @source AND d.native_id = @native AND d.name <> @name AND d.seen_crawl <> @crawl
		  AND NOT EXISTS (SELECT FROM dataset x WHERE x.source_id = d.source_id AND x.name = @name)
		ORDER BY d.gone_at IS NOT NULL, d.seen_at DESC, d.id LIMIT 1`
	var name string
	args := pgx.NamedArgs{"source": y.run.Source, "native": o.NativeID, "name": o.Name, "crawl": y.run.ID}
	switch err := y.store.db.QueryRow(ctx, q, args).Scan(&name); {
	case errors.Is(err, pgx.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	}
	there, err := y.crawler.Has(ctx, name)
	if err != nil || there { // not proven: a twin, or a source that cannot say
		return "", ctx.Err()
	}
	return name, nil
}

func (y *syncer) datasetFailed(ctx context.Context, scope, name string, cause error) error {
	y.run.Failed++
	y.log.WarnContext(ctx, "dataset not crawled", "source", y.run.Source, "dataset", name, "error", cause)
	message := crawlMessage(cause)
	if storable(name) { // else it never got in
		if err := y.store.markProblem(ctx, y.run, name, message); err != nil {
			return err
		}
	}
	return y.store.addCrawlError(ctx, y.run.ID, scope, name, message)
}

// scopeRefused notes a scope that cannot be kept under its name. Nothing is known below it.
func (y *syncer) scopeRefused(ctx context.Context, scope string) error {
	y.run.Failed++
	y.run.ScopesDone++
	err := fault.Invalidf("scope", "the name %.60q is longer than %d bytes or not text", scope, maxName)
	y.log.WarnContext(ctx, "scope not crawled", "source", y.run.Source, "scope", tidy(scope, maxShort), "error", err)
	return y.store.addCrawlError(ctx, y.run.ID, scope, "", crawlMessage(err))
}

func (y *syncer) scopeFailed(ctx context.Context, scope string, cause error) error {
	y.run.Failed++
	y.failed = append(y.failed, scope)
	y.log.WarnContext(ctx, "scope not crawled", "source", y.run.Source, "scope", scope, "error", cause)
	message := crawlMessage(cause)
	const q = `
		INSERT INTO source_scope (source_id, name, problem, problem_since) SELECT id, $2, $3, now() FROM source WHERE slug = $1
		ON CONFLICT (source_id, name) DO UPDATE SET problem = excluded.problem, problem_since = coalesce(source_scope.problem_since, now())`
	if _, err := y.store.db.Exec(ctx, q, y.run.Source, scope, tidy(message, maxShort)); err != nil {
		return err
	}
	return y.store.addCrawlError(ctx, y.run.ID, scope, "", message)
}

// endScope marks as gone what the scope no longer has.
func (y *syncer) endScope(ctx context.Context, scope string) error {
	if err := y.markGone(ctx, scope); err != nil {
		return err
	}
	const q = `
		INSERT INTO source_scope (source_id, name, ok_at) SELECT id, @scope, now() FROM source WHERE slug = @source
		ON CONFLICT (source_id, name) DO UPDATE SET ok_at = excluded.ok_at, problem = '', problem_since = NULL`
	_, err := y.store.db.Exec(ctx, q, pgx.NamedArgs{"source": y.run.Source, "scope": scope})
	return err
}

// sumScopes counts what each scope has, of this source and of those that share pages with it. Data that several datasets
// show is counted with the one that has the page.
func (y *syncer) sumScopes(ctx context.Context) error {
	const q = `
		WITH shared AS (
			SELECT m.source_id FROM dataset d JOIN source s ON s.id = d.source_id JOIN dataset m ON m.id = d.main_id WHERE s.slug = $1
			UNION SELECT d.source_id FROM dataset m JOIN source s ON s.id = m.source_id JOIN dataset d ON d.main_id = m.id WHERE s.slug = $1
			UNION SELECT id FROM source WHERE slug = $1
		), page AS (
			SELECT d.source_id, d.scope, d.main_id IS NULL AS own, d.kind = 'table' AS is_table, d.column_count, d.row_count, d.byte_count,
			       'rows' = ANY(d.estimated) AS estimated
			FROM dataset d WHERE d.source_id IN (SELECT source_id FROM shared) AND d.gone_at IS NULL
		), n AS (
			SELECT p.source_id, p.name, count(d.own) AS datasets, count(*) FILTER (WHERE d.own) AS pages,
			       coalesce(sum(d.column_count) FILTER (WHERE d.own), 0) AS columns,
			       least(coalesce(sum(d.row_count) FILTER (WHERE d.own AND d.is_table), 0), 9223372036854775807) AS rows,
			       least(coalesce(sum(d.byte_count) FILTER (WHERE d.own), 0), 9223372036854775807) AS bytes,
			       coalesce(bool_or(d.estimated) FILTER (WHERE d.own AND d.is_table AND d.row_count > 0), false) AS estimated
			FROM source_scope p LEFT JOIN page d ON d.source_id = p.source_id AND d.scope = p.name
			WHERE p.source_id IN (SELECT source_id FROM shared) GROUP BY p.source_id, p.name
		)
		UPDATE source_scope p SET datasets = n.datasets, pages = n.pages, columns = n.columns, rows = n.rows, bytes = n.bytes,
			estimated = n.estimated
		FROM n WHERE p.source_id = n.source_id AND p.name = n.name
		  AND (p.datasets, p.pages, p.columns, p.rows, p.bytes, p.estimated)
			IS DISTINCT FROM (n.datasets, n.pages, n.columns, n.rows, n.bytes, n.estimated)`
	_, err := y.store.db.Exec(ctx, q, y.run.Source)
	return err
}

// dropScopes treats scopes that the source no longer lists as read to their end and empty. What lies below a scope that
// failed, as schemas do below a catalog, is not known to be gone.
func (y *syncer) dropScopes(ctx context.Context, scopes []string) error {
	const q = `SELECT p.name FROM source_scope p JOIN source s ON s.id = p.source_id WHERE s.slug = $1 AND p.name <> ALL($2)`
	scopes = slices.DeleteFunc(append([]string{}, scopes...), func(s string) bool { return !storable(s) })
	rows, _ := y.store.db.Query(ctx, q, y.run.Source, scopes)
	dropped, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	const drop = `DELETE FROM source_scope p USING source s WHERE s.id = p.source_id AND s.slug = $1 AND p.name = $2`
	for _, scope := range dropped {
		if slices.ContainsFunc(y.failed, func(above string) bool { return strings.HasPrefix(scope, above+".") }) {
			continue
		}
		if err := y.markGone(ctx, scope); err != nil {
			return err
		}
		if _, err := y.store.db.Exec(ctx, drop, y.run.Source, scope); err != nil {
			return err
		}
	}
	return nil
}

// markGone marks the datasets of scope that this crawl has not met, each in a transaction of its own.
func (y *syncer) markGone(ctx context.Context, scope string) error {
	const q = `
		SELECT d.name FROM dataset d JOIN source s ON s.id = d.source_id
		WHERE s.slug = $1 AND d.scope = $2 AND d.gone_at IS NULL AND d.seen_crawl <> $3 ORDER BY d.id LIMIT 1000`
	for {
		rows, _ := y.store.db.Query(ctx, q, y.run.Source, scope, y.run.ID)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return nil
		}
		for _, name := range names {
			if err := y.store.gone(ctx, y.run, name); err != nil {
				return err
			}
			y.run.Gone++
		}
		if err := y.save(ctx, false); err != nil {
			return err
		}
	}
}

// gone marks a dataset as gone, with its history and search entry.
func (s *Store) gone(ctx context.Context, run *Crawl, name string) error {
	return s.retry(ctx, func(tx pgx.Tx) error {
		if err := holdJoins(ctx, tx); err != nil {
			return err
		}
		d, err := lockDataset(ctx, tx, run.Source, name)
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		const q = `UPDATE dataset SET gone_at = now(), changed_at = now(), problem = '', problem_since = NULL WHERE id = $1`
		if _, err := tx.Exec(ctx, q, d.ID); err != nil {
			return err
		}
		if err := putChanges(ctx, tx, d.ID, run.ID, []Change{{Kind: Gone, Field: "dataset", Old: d.Name}}); err != nil {
			return err
		}
		return indexDatasets(ctx, tx, []int64{d.ID})
	})
}
