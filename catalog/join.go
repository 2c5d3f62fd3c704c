package catalog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

const (
	// sharedBy is by how many datasets an identifier may be shared to mean that they are one: the folder of a whole lake that
	// every table gives as its location identifies nothing.
	sharedBy = 20
	// maxGroup is the most datasets that may be one: more are a mistake, or somebody's mischief, and no page could show them.
	maxGroup = 200
	// maxShared is the most that one dataset may share with others, an identifier with a dataset each, to be one with any.
	maxShared = 400
	// joinChunk is how many datasets are asked about at a time.
	joinChunk = 200
	// joinLock is the advisory lock of those who say which datasets are one.
	joinLock = 0x706f7274_6a6f696e
)

// link is an identifier that two datasets share.
type link struct {
	A, B      int64
	Namespace string
	Name      string
	RuleA     string
	RuleB     string
}

// member is a live dataset that shares identifiers, or is shown with another.
type member struct {
	ID       int64
	Standing Standing
	MainID   *int64
	Key      Key `db:"-"`
	Source   string
	Name     string
	Live     bool
	Rule     string
	Evidence string
}

// Join decides anew which datasets of source are the same thing as others, of any source: those that share an identifier,
// directly or through others. The one closest to the data has the page; it stays the one among equals. Join is idempotent.
func (s *Store) Join(ctx context.Context, source string) error {
	err := s.retry(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(joinLock)); err != nil {
			return err
		}
		seeds, err := joinSeeds(ctx, tx, source)
		if err != nil || len(seeds) == 0 {
			return err
		}
		links, ids, err := closure(ctx, tx, seeds)
		if err != nil {
			return err
		}
		members, err := joinMembers(ctx, tx, ids)
		if err != nil {
			return err
		}
		return s.rejoin(ctx, tx, members, group(members, links))
	})
	if err != nil {
		return fmt.Errorf("join the datasets of %s: %w", source, err)
	}
	return nil
}

// holdJoins lets nobody join while tx writes datasets, of which a join locks those of all sources. Crawls do not wait for each
// other.
func holdJoins(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock_shared($1)`, int64(joinLock))
	return err
}

// joinSeeds returns the datasets of a source that share an identifier, or did.
func joinSeeds(ctx context.Context, tx pgx.Tx, source string) ([]int64, error) {
	const q = `
		SELECT d.id FROM dataset d JOIN source s ON s.id = d.source_id
		WHERE s.slug = $1 AND d.gone_at IS NULL AND EXISTS (
			SELECT FROM dataset_identifier a JOIN dataset_identifier b USING (namespace, name)
			WHERE a.dataset_id = d.id AND b.dataset_id <> d.id)
		UNION SELECT d.id FROM dataset d JOIN source s ON s.id = d.source_id WHERE s.slug = $1 AND d.main_id IS NOT NULL
		UNION SELECT o.id FROM dataset o JOIN dataset d ON d.id = o.main_id JOIN source s ON s.id = d.source_id WHERE s.slug = $1
		ORDER BY 1`
	rows, _ := tx.Query(ctx, q, source)
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// closure follows identifiers from the seeds on, and what was one thing until now, and returns what was met in ascending
// order.
func closure(ctx context.Context, tx pgx.Tx, seeds []int64) ([]link, []int64, error) {
	const q = `
		SELECT s.id AS a, l.* FROM unnest($1::bigint[]) AS s (id) JOIN dataset da ON da.id = s.id AND da.gone_at IS NULL, LATERAL (
			SELECT b.dataset_id AS b, a.namespace, a.name, a.rule AS rule_a, b.rule AS rule_b FROM dataset_identifier a, LATERAL (
				SELECT x.dataset_id, x.rule FROM dataset_identifier x JOIN dataset d ON d.id = x.dataset_id AND d.gone_at IS NULL
				WHERE x.namespace = a.namespace AND x.name = a.name AND x.dataset_id <> a.dataset_id LIMIT $2
			) b WHERE a.dataset_id = s.id LIMIT $3
		) l`
	const together = `
		SELECT main_id FROM dataset WHERE id = ANY($1) AND main_id IS NOT NULL
		UNION SELECT o.id FROM dataset d JOIN dataset o ON o.main_id = coalesce(d.main_id, d.id) WHERE d.id = ANY($1)`
	met := map[int64]bool{}
	for _, id := range seeds {
		met[id] = true
	}
	var all []link
	crowded := map[int64]bool{}
	round := seeds
	for range maxGroup { // who is further away would be of a group that is too large
		var next []int64
		for some := range slices.Chunk(round, joinChunk) {
			rows, _ := tx.Query(ctx, q, some, sharedBy, maxShared)
			links, err := pgx.CollectRows(rows, pgx.RowToStructByName[link])
			if err != nil {
				return nil, nil, err
			}
			rows, _ = tx.Query(ctx, together, some)
			old, err := pgx.CollectRows(rows, pgx.RowTo[int64]) // who may now have to go elsewhere
			if err != nil {
				return nil, nil, err
			}
			next = append(next, old...)
			for _, l := range identifying(links, crowded) {
				all = append(all, l)
				next = append(next, l.B)
			}
		}
		round = nil
		for _, id := range next {
			if !met[id] {
				met[id] = true
				round = append(round, id)
			}
		}
	}
	all = slices.DeleteFunc(all, func(l link) bool { return crowded[l.A] || crowded[l.B] })
	return all, slices.Sorted(maps.Keys(met)), nil
}

// identifying leaves out the links by identifiers that too many share, and of datasets that share too much, which it adds to
// crowded.
func identifying(links []link, crowded map[int64]bool) []link {
	type name struct {
		of              int64
		namespace, name string
	}
	times, shared := map[name]int{}, map[int64]int{}
	for _, l := range links {
		times[name{l.A, l.Namespace, l.Name}]++
		if shared[l.A]++; shared[l.A] == maxShared {
			crowded[l.A] = true
		}
	}
	return slices.DeleteFunc(links, func(l link) bool {
		return crowded[l.A] || times[name{l.A, l.Namespace, l.Name}] >= sharedBy
	})
}

// joinMembers returns the datasets of ids and those that are shown with one of them.
func joinMembers(ctx context.Context, tx pgx.Tx, ids []int64) ([]member, error) {
	const q = `
		SELECT d.id, d.standing, d.main_id, s.slug AS source, d.name, d.gone_at IS NULL AS live, d.main_rule AS rule,
		       d.main_evidence AS evidence
		FROM dataset d JOIN source s ON s.id = d.source_id WHERE d.id = ANY($1) OR d.main_id = ANY($1) ORDER BY d.id FOR NO KEY UPDATE OF d`
	rows, _ := tx.Query(ctx, q, ids)
	members, err := pgx.CollectRows(rows, pgx.RowToStructByName[member])
	for i := range members {
		members[i].Key = Key{members[i].Source, members[i].Name}
	}
	return members, err
}

// shownWith is the page that a dataset is to be shown on, and why.
type shownWith struct {
	main           int64
	rule, evidence string
}

// group returns where each dataset is to be shown that has no page of its own. What only describes things makes no two of
// them one, so that nobody's metadata can put somebody else's table onto another page.
func group(members []member, links []link) map[int64]shownWith {
	by := map[int64]*member{}
	mains := map[int64]bool{}
	for i := range members {
		by[members[i].ID] = &members[i]
		if members[i].MainID != nil {
			mains[*members[i].MainID] = true
		}
	}
	next := map[int64][]link{}
	for _, l := range links {
		if by[l.A] != nil && by[l.A].Live && by[l.B] != nil && by[l.B].Live {
			next[l.A] = append(next[l.A], l)
		}
	}
	closest := func(a, b int64) int {
		return compareAll(int(by[a].Standing)-int(by[b].Standing), boolFirst(mains[a], mains[b]), cmp.Compare(a, b))
	}
	result, done := map[int64]shownWith{}, map[int64]bool{}
	together := func(from int64, follow func(id int64) bool) {
		component := reach(from, next, done, follow)
		if len(component) > maxGroup {
			return
		}
		main := slices.MinFunc(component, closest)
		for _, id := range component {
			if id != main {
				result[id] = shownWith{main: main}
			}
		}
	}
	isThing := func(id int64) bool { return by[id].Standing != Describes }
	for _, m := range members { // by id
		if m.Live && isThing(m.ID) && !done[m.ID] {
			together(m.ID, isThing)
		}
	}
	for _, m := range members {
		var of []int64
		for _, l := range next[m.ID] {
			if !isThing(m.ID) && isThing(l.B) {
				of = append(of, cmp.Or(result[l.B].main, l.B))
			}
		}
		if len(of) > 0 {
			// It stays where it is among equals: that a page shows it must not be what draws others there the next time.
			stays := func(id int64) bool { return m.MainID != nil && *m.MainID == id }
			to := slices.MinFunc(of, func(a, b int64) int {
				return compareAll(int(by[a].Standing)-int(by[b].Standing), boolFirst(stays(a), stays(b)), closest(a, b))
			})
			done[m.ID], result[m.ID] = true, shownWith{main: to}
		}
	}
	for _, m := range members { // descriptions of what nobody has
		if m.Live && !done[m.ID] {
			together(m.ID, func(id int64) bool { return !isThing(id) })
		}
	}
	for id, to := range result {
		result[id] = because(id, to.main, next, result)
	}
	return result
}

// reach returns the datasets that can be reached from id through those that follow lets through, itself among them.
func reach(id int64, next map[int64][]link, done map[int64]bool, follow func(id int64) bool) []int64 {
	queue := []int64{id}
	done[id] = true
	for i := 0; i < len(queue); i++ {
		for _, l := range next[queue[i]] {
			if !done[l.B] && follow(l.B) {
				done[l.B] = true
				queue = append(queue, l.B)
			}
		}
	}
	return queue
}

// because says why id is shown on main's page: by the identifier that they share, or by one that id shares with another of
// the group.
func because(id, main int64, next map[int64][]link, shown map[int64]shownWith) shownWith {
	links := next[id]
	i := slices.IndexFunc(links, func(l link) bool { return l.B == main })
	if i < 0 {
		i = max(0, slices.IndexFunc(links, func(l link) bool { return shown[l.B].main == main }))
	}
	l := links[i]
	rule := l.RuleA
	if rule == "" || rule == ownRule {
		rule = l.RuleB
	}
	return shownWith{main, rule, l.Namespace + " " + l.Name}
}

func compareAll(results ...int) int {
	for _, r := range results {
		if r != 0 {
			return r
		}
	}
	return 0
}

func boolFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// rejoin writes where datasets are shown, with their history, and their search entries.
func (s *Store) rejoin(ctx context.Context, tx pgx.Tx, members []member, want map[int64]shownWith) error {
	const q = `UPDATE dataset SET main_id = $2, main_rule = $3, main_evidence = $4 WHERE id = $1`
	const history = `INSERT INTO dataset_change (dataset_id, kind, field, old, new) VALUES ($1, $2, 'shown with', $3, $4)`
	keys := map[int64]string{}
	for _, m := range members {
		keys[m.ID] = m.Key.String()
	}
	var batch pgx.Batch
	touched := map[int64]bool{}
	if err := keepRestricted(ctx, tx, members, want); err != nil {
		return err
	}
	for _, m := range members {
		to, joined := want[m.ID]
		var main *int64
		if joined {
			main = &to.main
		}
		if equal(m.MainID, main) && m.Rule == to.rule && m.Evidence == to.evidence {
			continue
		}
		batch.Queue(q, m.ID, main, to.rule, to.evidence)
		touched[m.ID] = true
		if equal(m.MainID, main) {
			continue
		}
		var before, after string
		for _, side := range []struct {
			id   *int64
			name *string
		}{{m.MainID, &before}, {main, &after}} {
			if side.id != nil {
				touched[*side.id] = true
				*side.name = keys[*side.id]
			}
		}
		batch.Queue(history, m.ID, AttributeEdited, before, after)
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	return indexDatasets(ctx, tx, slices.Sorted(maps.Keys(touched)))
}

func equal(a, b *int64) bool {
	return a == b || (a != nil && b != nil && *a == *b)
}
