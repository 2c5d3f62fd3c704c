package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Holder is whose datasets are looked at: of one of a team, a domain, a person, and a term of the glossary.
type Holder struct {
	Team   string // slug; likewise Domain and Term
	Domain string
	Person int64
	Term   string
}

// OwnedDataset is a dataset with what its owners should know of it.
type OwnedDataset struct {
	Source       string
	SourceKind   string // its connector
	Name         string
	Kind         Kind
	Title        string
	Certified    bool
	Deprecated   string
	Documented   int // columns with a comment
	ColumnCount  int
	Described    bool // it has a description
	Problem      string
	ProblemSince *time.Time
	Late         bool // new data was to come by now
	DataAt       *time.Time
	Requests     int // for access to it, that wait
	Usage        float32
}

// Key returns the dataset's key.
func (d *OwnedDataset) Key() Key { return Key{d.Source, d.Name} }

// OwnedFigures counts the datasets of a holder, and those of them with each thing that is wrong.
type OwnedFigures struct {
	Datasets   int
	Certified  int
	Deprecated int
	Unreadable int
	Late       int
	Unsaid     int // without a description
	Requests   int // with requests for access that wait
}

// Problems counts the datasets that somebody should look at today.
func (f OwnedFigures) Problems() int { return f.Unreadable + f.Late }

// The things that Owned finds wrong.
const (
	WrongUnreadable = "unreadable"
	WrongLate       = "late"
	WrongUnsaid     = "undescribed"
	WrongRequests   = "requests"
)

// ownedRows is all live datasets with a page that the holder has. Just one of the parameters names somebody, and then the others
// cost nothing.
const ownedRows = `
	WITH held AS (
		SELECT dataset_id FROM search WHERE @team <> '' AND team = @team AND status < 2
		UNION ALL SELECT dataset_id FROM search WHERE @domain <> '' AND domain = @domain AND status < 2
		UNION ALL SELECT e.dataset_id FROM dataset_override v JOIN search e ON e.dataset_id = v.dataset_id
			WHERE @person::bigint <> 0 AND v.owners IS NOT NULL AND v.owners @> ARRAY[@person::bigint] AND e.status < 2
		UNION ALL SELECT e.dataset_id FROM dataset_override v JOIN search e ON e.dataset_id = v.dataset_id
			WHERE @term <> '' AND v.terms IS NOT NULL AND v.terms @> ARRAY[@term] AND e.status < 2
	), owned AS (
		SELECT s.slug AS source, s.kind AS source_kind, d.name, d.kind, coalesce(o.title, d.title) AS title, coalesce(o.certified, d.certified) AS certified,
		       coalesce(o.deprecated, d.deprecated) AS deprecated, coalesce(d.page_documented, d.documented) AS documented,
		       coalesce(d.page_columns, d.column_count) AS column_count, coalesce(o.description, d.description) <> '' AS described,
		       d.problem, d.problem_since, d.data_at, d.usage,
		       coalesce(d.data_at < now() - make_interval(secs => o.fresh_within), false) AS late,
		       (SELECT count(*) FROM access_request r WHERE r.dataset_id = d.id AND r.state = 'pending') AS requests
		FROM held h JOIN dataset d ON d.id = h.dataset_id JOIN source s ON s.id = d.source_id LEFT JOIN dataset_override o ON o.dataset_id = d.id
	)`

func (h Holder) args() pgx.NamedArgs {
	return pgx.NamedArgs{"team": h.Team, "domain": h.Domain, "person": h.Person, "term": h.Term}
}

// Owned returns the datasets of a holder with what is wrong, "" for all of them: the most used first, after the first skip ones,
// at most limit.
func (s *Store) Owned(ctx context.Context, of Holder, wrong string, skip, limit int) ([]OwnedDataset, error) {
	const q = ownedRows + `
		SELECT * FROM owned WHERE CASE @wrong WHEN 'unreadable' THEN problem <> '' WHEN 'late' THEN late WHEN 'undescribed' THEN NOT described
			WHEN 'requests' THEN requests > 0 ELSE true END
		ORDER BY usage DESC, source, name OFFSET @skip LIMIT @limit`
	args := of.args()
	args["wrong"], args["skip"], args["limit"] = wrong, skip, limit
	rows, _ := s.db.Query(ctx, q, args)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[OwnedDataset])
	if err != nil {
		return nil, fmt.Errorf("owned datasets: %w", err)
	}
	return all, nil
}

// OwnedFigures counts the datasets of a holder.
func (s *Store) OwnedFigures(ctx context.Context, of Holder) (OwnedFigures, error) {
	const q = ownedRows + `
		SELECT count(*) AS datasets, count(*) FILTER (WHERE certified) AS certified, count(*) FILTER (WHERE deprecated <> '') AS deprecated,
		       count(*) FILTER (WHERE problem <> '') AS unreadable, count(*) FILTER (WHERE late) AS late,
		       count(*) FILTER (WHERE NOT described) AS unsaid, count(*) FILTER (WHERE requests > 0) AS requests
		FROM owned`
	rows, _ := s.db.Query(ctx, q, of.args())
	f, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[OwnedFigures])
	if err != nil {
		return OwnedFigures{}, fmt.Errorf("figures of owned datasets: %w", err)
	}
	return f, nil
}

// TeamFigures counts the datasets of teams, and those that cannot be read or are late, by slug. A team that owns nothing is not
// among them.
func (s *Store) TeamFigures(ctx context.Context, teams []string) (map[string]OwnedFigures, error) {
	return s.countedBy(ctx, teams, `
		SELECT team AS slug, count(*) AS datasets, 0 AS unreadable, 0 AS late FROM search WHERE team = ANY (@slugs) AND status < 2 GROUP BY team
		UNION ALL
		SELECT e.team, 0, count(*) FILTER (WHERE w.unreadable), count(*) FILTER (WHERE NOT w.unreadable)`+wrongRows+`
		WHERE e.team = ANY (@slugs) AND e.status < 2 GROUP BY e.team`)
}

// DomainFigures is TeamFigures of domains.
func (s *Store) DomainFigures(ctx context.Context, domains []string) (map[string]OwnedFigures, error) {
	return s.countedBy(ctx, domains, `
		SELECT domain AS slug, count(*) AS datasets, 0 AS unreadable, 0 AS late FROM search WHERE domain = ANY (@slugs) AND status < 2 GROUP BY domain
		UNION ALL
		SELECT e.domain, 0, count(*) FILTER (WHERE w.unreadable), count(*) FILTER (WHERE NOT w.unreadable)`+wrongRows+`
		WHERE e.domain = ANY (@slugs) AND e.status < 2 GROUP BY e.domain`)
}

// wrongRows are the datasets that somebody should look at: few, so they are found first and then whose they are.
const wrongRows = `
	FROM (SELECT id, true AS unreadable FROM dataset WHERE problem <> '' AND gone_at IS NULL
	      UNION ALL SELECT d.id, false FROM dataset_override o JOIN dataset d ON d.id = o.dataset_id
	      WHERE o.fresh_within IS NOT NULL AND d.data_at < now() - make_interval(secs => o.fresh_within)) w
	JOIN search e ON e.dataset_id = w.id`

func (s *Store) countedBy(ctx context.Context, slugs []string, q string) (map[string]OwnedFigures, error) {
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"slugs": slugs})
	var slug string
	var datasets, unreadable, late int
	counted := map[string]OwnedFigures{}
	_, err := pgx.ForEachRow(rows, []any{&slug, &datasets, &unreadable, &late}, func() error {
		f := counted[slug]
		f.Datasets, f.Unreadable, f.Late = f.Datasets+datasets, f.Unreadable+unreadable, f.Late+late
		counted[slug] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count datasets: %w", err)
	}
	return counted, nil
}

// Strangers returns the teams that datasets name and that are no team here, or no longer one, with how many datasets name them:
// those with the most first, at most limit.
func (s *Store) Strangers(ctx context.Context, limit int) ([]NamedCount, error) {
	const q = allTeams + `
		SELECT t.team AS slug, (SELECT count(*) FROM search e WHERE e.team = t.team AND e.status < 2) AS datasets
		FROM teams t WHERE t.team <> '' AND NOT EXISTS (SELECT FROM team k WHERE k.slug = t.team AND k.gone_at IS NULL)
		ORDER BY datasets DESC, slug LIMIT $1`
	rows, _ := s.db.Query(ctx, q, limit)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[NamedCount])
	if err != nil {
		return nil, fmt.Errorf("teams that are none: %w", err)
	}
	return all, nil
}

// NamedCount is a name and how many datasets have it.
type NamedCount struct {
	Slug     string
	Datasets int
}

// allTeams are the teams that datasets name, "" among them. It steps from one to the next in the index, which has a row for every
// dataset, so that it costs as much as there are teams.
const allTeams = `
	WITH RECURSIVE teams AS (
		(SELECT team FROM search WHERE status < 2 ORDER BY team LIMIT 1)
		UNION ALL
		SELECT (SELECT e.team FROM search e WHERE e.team > t.team AND e.status < 2 ORDER BY e.team LIMIT 1) FROM teams t WHERE t.team IS NOT NULL
	)`

// Audience is who opens the datasets of a holder: people of one team, "" for those without one.
type Audience struct {
	Team   string
	People int
	Opens  int // in all, of those pages that they opened within the last 30 days
}

// Audience returns the teams whose people opened the datasets of a team within the last 30 days, the keenest first, at most limit.
func (s *Store) Audience(ctx context.Context, team string, limit int) ([]Audience, error) {
	const q = `
		SELECT p.team, count(DISTINCT p.id) AS people, sum(v.opens) AS opens
		FROM search e JOIN dataset_open v ON v.dataset_id = e.dataset_id JOIN person p ON p.id = v.person_id
		WHERE e.team = @team AND e.status < 2 AND v.opened_at > now() - interval '30 days'
		GROUP BY p.team ORDER BY opens DESC, p.team LIMIT @limit`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"team": team, "limit": limit})
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Audience])
	if err != nil {
		return nil, fmt.Errorf("who opens the data of %s: %w", team, err)
	}
	return all, nil
}
