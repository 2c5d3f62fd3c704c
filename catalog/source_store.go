package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// SourceChange is what ApplySources did to a source.
type SourceChange struct {
	Slug   string
	What   string   // added, changed, retired or back
	Fields []string // of changed and back: what differs
	Reread bool     // it is due now and read anew, whatever its connector takes for unchanged
}

// ApplySources makes the sources that an estate declares those that are given, in one transaction: it adds and changes
// them, and retires those that were declared before and are no longer. What a retired source has is kept, and it comes back
// when it is declared again. A source whose way of being read has changed is due at once and all of it is read anew; a
// crawl that was under way with the old settings is ended. Doing it again changes nothing.
//
// Sources that no estate ever declared are left alone; Conflict names one of them whose slug is declared now. What else the
// estate declares is done by also, in the same transaction; it may be done again.
func (s *Store) ApplySources(ctx context.Context, declared []Source, also ...func(pgx.Tx) error) (changes []SourceChange, err error) {
	err = s.retry(ctx, func(tx pgx.Tx) error {
		changes = nil
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('portreeve estate'))`); err != nil { // replicas start together
			return err
		}
		before, err := allSources(ctx, tx)
		if err != nil {
			return err
		}
		for _, src := range declared {
			old, there := before[src.Slug]
			delete(before, src.Slug)
			if there && old.DeclaredIn == "" {
				return fault.Conflictf("the source %s of %s is in the portal already and was not declared there: choose another name", src.Slug, src.DeclaredIn)
			}
			change, err := applySource(ctx, tx, withDefaults(src), old, there)
			if err != nil {
				return fmt.Errorf("apply source %s: %w", src.Slug, err)
			}
			if change.What != "" {
				changes = append(changes, change)
			}
		}
		retired, err := retireSources(ctx, tx, before)
		changes = append(changes, retired...)
		for _, do := range also {
			if err == nil {
				err = do(tx)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}

func allSources(ctx context.Context, tx pgx.Tx) (map[string]Source, error) {
	const q = `SELECT id, slug, kind, title, namespace, aliases, note, config, crawl_every, declared_in, retired_at FROM source FOR NO KEY UPDATE`
	rows, _ := tx.Query(ctx, q)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Source])
	bySlug := make(map[string]Source, len(all))
	for _, src := range all {
		bySlug[src.Slug] = src
	}
	return bySlug, err
}

func withDefaults(src Source) Source {
	if src.Config == nil {
		src.Config = map[string]string{}
	}
	if src.Aliases == nil {
		src.Aliases = []string{}
	}
	if src.CrawlEvery == 0 {
		src.CrawlEvery = time.Hour
	}
	return src
}

func applySource(ctx context.Context, tx pgx.Tx, src, old Source, there bool) (SourceChange, error) {
	change := SourceChange{Slug: src.Slug, Fields: differing(&src, &old)}
	switch {
	case !there:
		change.What, change.Fields, change.Reread = "added", nil, true
	case old.RetiredAt != nil:
		change.What, change.Reread = "back", true
	case len(change.Fields) > 0:
		change.What = "changed"
		change.Reread = slices.ContainsFunc(change.Fields, func(f string) bool { return f == "kind" || f == "namespace" || f == "settings" })
	case src.DeclaredIn == old.DeclaredIn:
		return SourceChange{}, nil
	}
	const put = `
		INSERT INTO source (slug, kind, title, namespace, aliases, note, config, crawl_every, declared_in)
		VALUES (@slug, @kind, @title, @namespace, @aliases, @note, @config, @every, @declared)
		ON CONFLICT (slug) DO UPDATE SET kind = excluded.kind, title = excluded.title, namespace = excluded.namespace,
			aliases = excluded.aliases, note = excluded.note, config = excluded.config, crawl_every = excluded.crawl_every,
			declared_in = excluded.declared_in, retired_at = NULL,
			next_crawl_at = CASE WHEN @reread THEN now() ELSE least(source.next_crawl_at, now() + excluded.crawl_every) END
		RETURNING id`
	var id int32
	err := tx.QueryRow(ctx, put, pgx.NamedArgs{
		"slug": src.Slug, "kind": src.Kind, "title": src.Title, "namespace": src.Namespace, "aliases": src.Aliases, "note": src.Note,
		"config": src.Config, "every": src.CrawlEvery, "declared": src.DeclaredIn, "reread": change.Reread,
	}).Scan(&id)
	if err != nil || !change.Reread || !there {
		return change, err
	}
	if err := endCrawls(ctx, tx, id, "its settings were changed in the middle of this crawl: it is read anew"); err != nil {
		return change, err
	}
	_, err = tx.Exec(ctx, `UPDATE dataset SET version = '' WHERE source_id = $1 AND version <> ''`, id)
	return change, err
}

// differing names what an operator changed of a source, in the words of the estate.
func differing(a, b *Source) (fields []string) {
	for _, f := range []struct {
		name string
		same bool
	}{
		{"kind", a.Kind == b.Kind},
		{"title", a.Title == b.Title},
		{"note", a.Note == b.Note},
		{"namespace", a.Namespace == b.Namespace},
		{"aliases", slices.Equal(a.Aliases, b.Aliases)},
		{"every", a.CrawlEvery == b.CrawlEvery},
		{"settings", maps.Equal(a.Config, b.Config)},
	} {
		if !f.same {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// retireSources retires those of the sources that an estate declared.
func retireSources(ctx context.Context, tx pgx.Tx, sources map[string]Source) (changes []SourceChange, err error) {
	for _, slug := range slices.Sorted(maps.Keys(sources)) {
		src := sources[slug]
		if src.DeclaredIn == "" || src.RetiredAt != nil {
			continue
		}
		if _, err := tx.Exec(ctx, `UPDATE source SET retired_at = now() WHERE id = $1`, src.ID); err != nil {
			return nil, fmt.Errorf("retire source %s: %w", slug, err)
		}
		if err := endCrawls(ctx, tx, src.ID, "the source is declared no longer"); err != nil {
			return nil, fmt.Errorf("retire source %s: %w", slug, err)
		}
		changes = append(changes, SourceChange{Slug: slug, What: "retired"})
	}
	return changes, nil
}

// endCrawls ends the crawl of a source that is open, if any: whoever carries it out finds that at its next write.
func endCrawls(ctx context.Context, tx pgx.Tx, id int32, why string) error {
	const q = `
		UPDATE crawl SET state = 'failed', finished_at = now(), message = $2
		WHERE source_id = $1 AND state IN ('queued', 'running') RETURNING id`
	rows, _ := tx.Query(ctx, q, id, why)
	ended, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for _, crawl := range ended {
		if _, e := tx.Exec(ctx, `SELECT pg_notify($1, $2)`, CrawlTopic, FormatID(crawl)); e != nil {
			return e
		}
	}
	return err
}

// Trouble is how long a source could not be read at all.
type Trouble struct {
	Since    time.Time // end of the first of the crawls in a row that failed
	Failures int       // in a row, up to the newest that ended
}

// failing are the crawls since the last one that read something: all of them failed as a whole, which is that they ended
// early, or that no part of the source could be listed.
const failing = `
	FROM crawl c WHERE c.source_id = s.id AND c.finished_at IS NOT NULL AND c.id > coalesce((
		SELECT g.id FROM crawl g WHERE g.source_id = s.id AND (g.state = 'finished' OR g.state = 'partial' AND g.seen > 0)
		ORDER BY g.id DESC LIMIT 1), 0)`

// Troubles returns, by slug, the sources that could not be read at all when they were last tried, or only the one named slug.
func (s *Store) Troubles(ctx context.Context, slug string) (map[string]Trouble, error) {
	const q = `
		SELECT s.slug, f.since, f.failures
		FROM source s, LATERAL (SELECT min(c.finished_at) AS since, count(*) AS failures` + failing + `) f WHERE f.failures > 0 AND $1 IN ('', s.slug)`
	rows, _ := s.db.Query(ctx, q, slug)
	troubles := map[string]Trouble{}
	var t Trouble
	_, err := pgx.ForEachRow(rows, []any{&slug, &t.Since, &t.Failures}, func() error {
		troubles[slug] = t
		return nil
	})
	return troubles, err
}

// RetrySooner makes a source due before its interval is over if the newest crawl failed as a whole: a minute later, and
// after each further failure in a row twice as long as after the one before, up to the interval. A source that is retired
// stays as it is.
func (s *Store) RetrySooner(ctx context.Context, slug string) error {
	const q = `
		UPDATE source SET next_crawl_at = least(next_crawl_at, now() + least(crawl_every, interval '1 minute' * power(2, least(n.failures, 20) - 1)))
		FROM (SELECT s.id, (SELECT count(*)` + failing + `) AS failures FROM source s WHERE s.slug = $1) n
		WHERE source.id = n.id AND n.failures > 0 AND retired_at IS NULL`
	_, err := s.db.Exec(ctx, q, slug)
	return err
}
