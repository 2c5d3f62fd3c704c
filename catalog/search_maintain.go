package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// SearchMaintain recounts the words in use and moves the tiers of rank, use and freshness after the datasets. It may run at
// any time and any number of times; without it search stays right and becomes slow. An hour apart is plenty. Words that
// nothing holds any longer leave at the second run, so that a writer that has just seen one cannot lose it.
func (s *Store) SearchMaintain(ctx context.Context) error {
	for _, step := range []func(context.Context, pgx.Tx) error{dropTerms, countTerms, moveThresholds, moveTiers} {
		err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = '30min'"); err != nil {
				return err
			}
			return step(ctx, tx)
		})
		if err != nil {
			return fmt.Errorf("maintain search: %w", err)
		}
	}
	return nil
}

func dropTerms(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "DELETE FROM term WHERE df = 0")
	return err
}

// countTerms writes true counts. The names of columns are kept from 50 on: they are most of all words, and a rare one needs
// no planning.
func countTerms(ctx context.Context, tx pgx.Tx) error {
	const q = `
WITH stat AS MATERIALIZED (SELECT word COLLATE "C" AS word, ndoc FROM ts_stat('SELECT keys FROM search')),
want AS (
	SELECT a.word AS term, a.ndoc AS df, coalesce(n.ndoc, 0) AS ndf
	FROM stat a LEFT JOIN stat n ON n.word = 'n/' || a.word
	WHERE a.word !~ '^(n/|#[hufs][0-4]$)' AND (a.word !~ '^c/' OR a.ndoc >= 50)
	UNION ALL
	SELECT t.term, 0, 0 FROM term t LEFT JOIN stat a ON a.word = t.term
	WHERE a.word IS NULL OR (t.term ~ '^c/' AND a.ndoc < 50)
)
INSERT INTO term (term, df, ndf)
SELECT w.term, w.df, w.ndf FROM want w LEFT JOIN term t USING (term)
WHERE (t.df, t.ndf) IS DISTINCT FROM (w.df, w.ndf)
ORDER BY w.term
ON CONFLICT (term) DO UPDATE SET df = excluded.df, ndf = excluded.ndf`
	_, err := tx.Exec(ctx, q)
	return err
}

// moveThresholds sets the thresholds of the tiers to the top 1/4, 1/16 … 1/1024, but leaves those of a list alone while
// each tier has between 0.8 and 1.25 times its share: every move rewrites rows.
func moveThresholds(ctx context.Context, tx pgx.Tx) error {
	const q = `
WITH l AS (SELECT dataset_id, unnest(ARRAY['h', 'u', 'f']) AS list, unnest(ARRAY[rank, used, fresh]) AS v FROM search),
want AS (
	SELECT list, percentile_disc(ARRAY[1 - 1/4., 1 - 1/16., 1 - 1/64., 1 - 1/256., 1 - 1/1024.]) WITHIN GROUP (ORDER BY v) AS at
	FROM l GROUP BY list
),
n AS (SELECT count(*) AS n FROM search),
now AS (SELECT has.* FROM search_tier t, LATERAL (VALUES ('h', t.rank), ('u', t.used), ('f', t.fresh)) AS has (list, at)),
has AS (SELECT list, width_bucket(v, at) AS tier, count(*) AS c FROM l JOIN now USING (list) GROUP BY 1, 2),
off AS ( -- lists with a tier of the wrong size
	SELECT DISTINCT list FROM n, now, generate_series(1, 5) AS i
	WHERE (SELECT coalesce(sum(c), 0) FROM has WHERE has.list = now.list AND tier >= i)
		NOT BETWEEN 0.8 * n / 4 ^ i - 1 AND 1.25 * n / 4 ^ i + 1
)
UPDATE search_tier SET datasets = n.n,
	rank = coalesce((SELECT at FROM want JOIN off USING (list) WHERE list = 'h'), rank),
	used = coalesce((SELECT at FROM want JOIN off USING (list) WHERE list = 'u'), used),
	fresh = coalesce((SELECT at FROM want JOIN off USING (list) WHERE list = 'f'), fresh)
FROM n`
	_, err := tx.Exec(ctx, q)
	return err
}

// moveTiers rewrites the entries that are not in the tiers that the thresholds put them in.
func moveTiers(ctx context.Context, tx pgx.Tx) error {
	const q = `
WITH l AS (
	SELECT dataset_id, width_bucket(s.rank, t.rank) AS h, width_bucket(s.used, t.used) AS u, width_bucket(s.fresh, t.fresh) AS f
	FROM search s, search_tier t
	WHERE (rank_tier, used_tier, fresh_tier)
		IS DISTINCT FROM (width_bucket(s.rank, t.rank), width_bucket(s.used, t.used), width_bucket(s.fresh, t.fresh))
	ORDER BY dataset_id FOR NO KEY UPDATE OF s
)
UPDATE search s SET rank_tier = l.h, used_tier = l.u, fresh_tier = l.f,
	keys = ts_delete(s.keys, ARRAY['#h0','#h1','#h2','#h3','#h4','#u0','#u1','#u2','#u3','#u4','#f0','#f1','#f2','#f3','#f4'])
		|| array_to_tsvector((ARRAY['#h0','#h1','#h2','#h3','#h4'])[:l.h]
			|| (ARRAY['#u0','#u1','#u2','#u3','#u4'])[:l.u] || (ARRAY['#f0','#f1','#f2','#f3','#f4'])[:l.f])
FROM l WHERE l.dataset_id = s.dataset_id`
	_, err := tx.Exec(ctx, q)
	return err
}
