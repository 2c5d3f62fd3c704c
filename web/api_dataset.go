package web

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"portreeve/catalog"
	"portreeve/fault"
)

// maxSample is the most rows that a sample has.
const maxSample = 200

// fact is a value with where it comes from and how old it is.
type fact[T any] struct {
	Value  T         `json:"value"`
	Origin string    `json:"origin" enum:"declared,observed,edited" doc:"Declared in Git, observed by a crawler, or edited in the portal."`
	AsOf   time.Time `json:"as_of"`
}

// datasetAnswer is a dataset as its page shows it.
type datasetAnswer struct {
	DatasetName
	WholeAnswer
	Kind         string                  `json:"kind"`
	URL          string                  `json:"url" doc:"Of its page."`
	Title        fact[string]            `json:"title"`
	Description  fact[string]            `json:"description"`
	Team         fact[string]            `json:"team"`
	Domain       fact[string]            `json:"domain"`
	Tags         fact[[]string]          `json:"tags"`
	Certified    fact[bool]              `json:"certified"`
	Deprecated   fact[string]            `json:"deprecated" doc:"Why, and what to use instead; empty when it is not."`
	Location     fact[string]            `json:"location"`
	Format       fact[string]            `json:"format"`
	Partitioning fact[[]string]          `json:"partitioning"`
	SortOrder    fact[[]string]          `json:"sort_order"`
	RowCount     fact[*int64]            `json:"row_count" doc:"Null where it is unknown; likewise the other counts."`
	ByteCount    fact[*int64]            `json:"byte_count"`
	FileCount    fact[*int64]            `json:"file_count"`
	ColumnCount  fact[int]               `json:"column_count" doc:"Top-level columns."`
	Documented   fact[int]               `json:"documented" doc:"Of these, those with a comment."`
	SnapshotID   fact[string]            `json:"snapshot_id"`
	DataAt       fact[*time.Time]        `json:"data_at" doc:"When its data last changed."`
	Properties   fact[map[string]string] `json:"properties"`
	Problem      *datasetProblem         `json:"problem" doc:"Why it could not be read at the last crawl; null when it could."`
	CreatedAt    time.Time               `json:"created_at" doc:"When it was first seen."`
	ChangedAt    time.Time               `json:"changed_at"`
	SeenAt       time.Time               `json:"seen_at"`
	GoneAt       *time.Time              `json:"gone_at" doc:"When it was found missing; null while it is there."`
	Owners       fact[[]string]          `json:"owners" doc:"Ids of people who answer for it, beside the team."`
	Terms        fact[[]string]          `json:"terms" doc:"Slugs of glossary terms."`
	Sunset       fact[string]            `json:"sunset" doc:"The day from which a deprecated one may be gone; empty when nobody said."`
	Successor    fact[string]            `json:"successor" doc:"source/name, or empty."`
	Access       fact[string]            `json:"access" doc:"open, or restricted to those whose it is and who were granted it."`
	FreshWithin  fact[*int64]            `json:"fresh_within" doc:"Seconds within which new data is to come; null when nobody said."`
	NewestEdit   string                  `json:"newest_edit" doc:"Of its fields, for base of an edit; 0 before the first."`
}

type datasetProblem struct {
	Message string     `json:"message"`
	Since   *time.Time `json:"since"`
}

// DatasetPath names a dataset in an address.
type DatasetPath struct {
	Source string `path:"source" maxLength:"63"`
	Name   string `path:"name" doc:"As the source has it, as one segment: a slash in it is written %2F."`
}

type datasetList struct {
	DatasetPath
	Paging
}

// dataset returns the dataset that an address names, or NotFound with the names that may have been meant.
func (s *Server) dataset(ctx context.Context, in DatasetPath) (catalog.Dataset, error) {
	key := catalog.Key{Source: in.Source, Name: in.Name}
	d, err := s.Catalog.Dataset(ctx, key)
	return d, s.missing(ctx, key, err)
}

// datasets adds GET /api/v1/datasets/{source}/{name} and what lies below it.
func (e *endpoints) datasets() {
	op := func(id, below, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: "/datasets/{source}/{name}" + below, Summary: summary, Tags: []string{"Catalog"}}
	}
	register(e, op("get-dataset", "", "A dataset"), readers(), e.getDataset)
	register(e, op("list-columns", "/columns", "Its columns, with their profile"), readers(), e.getColumns)
	register(e, op("list-history", "/history", "Its versions, newest first"), readers(), e.getHistory)
	register(e, op("list-snapshots", "/snapshots", "Commits to its data, newest first"), readers(), e.getSnapshots)
	register(e, op("get-profile", "/profile", "What one scan tells of its values"), readers(), e.getProfile)
	register(e, op("get-sample", "/sample", "Some of its rows"), readers(), e.getSample)
}

func (e *endpoints) getDataset(ctx context.Context, in *DatasetPath) (*answer[datasetAnswer], error) {
	d, w, err := e.whole(ctx, catalog.Key{Source: in.Source, Name: in.Name})
	if err != nil {
		return nil, err
	}
	out := showDataset(&d)
	if w.ID == d.ID {
		out = showDataset(&w.Dataset) // with what its other names add
	}
	out.WholeAnswer = showWhole(&d, &w)
	return reply(out, e.originate(ctx, &out, w.ID))
}

// originate says where the values come from that were not only observed.
func (e *endpoints) originate(ctx context.Context, out *datasetAnswer, id int64) error {
	origins, err := e.Catalog.Origins(ctx, id)
	if err != nil {
		return err
	}
	newest, err := e.Catalog.NewestEdits(ctx, id)
	if err != nil {
		return err
	}
	last := int64(0)
	for _, edit := range newest {
		last = max(last, edit)
	}
	out.NewestEdit = catalog.FormatID(last)
	of := func(field string, origin *string, at *time.Time) {
		if o, ok := origins[field]; ok {
			*origin, *at = o.Origin, o.At.UTC()
		}
	}
	of(catalog.FieldTitle, &out.Title.Origin, &out.Title.AsOf)
	of(catalog.FieldDescription, &out.Description.Origin, &out.Description.AsOf)
	of(catalog.FieldTeam, &out.Team.Origin, &out.Team.AsOf)
	of(catalog.FieldOwners, &out.Owners.Origin, &out.Owners.AsOf)
	of(catalog.FieldDomain, &out.Domain.Origin, &out.Domain.AsOf)
	of(catalog.FieldTags, &out.Tags.Origin, &out.Tags.AsOf)
	of(catalog.FieldTerms, &out.Terms.Origin, &out.Terms.AsOf)
	of(catalog.FieldCertified, &out.Certified.Origin, &out.Certified.AsOf)
	of(catalog.FieldDeprecated, &out.Deprecated.Origin, &out.Deprecated.AsOf)
	of(catalog.FieldSunset, &out.Sunset.Origin, &out.Sunset.AsOf)
	of(catalog.FieldSuccessor, &out.Successor.Origin, &out.Successor.AsOf)
	of(catalog.FieldAccess, &out.Access.Origin, &out.Access.AsOf)
	of(catalog.FieldFreshWithin, &out.FreshWithin.Origin, &out.FreshWithin.AsOf)
	return nil
}

func showDataset(d *catalog.Dataset) datasetAnswer {
	out := datasetAnswer{
		DatasetName: DatasetName{d.Source, d.Name}, Kind: string(d.Kind), URL: datasetURL(d.Key(), ""),
		Title: observed(d, d.Title), Description: observed(d, d.Description), Team: observed(d, d.Team), Domain: observed(d, d.Domain),
		Tags: observed(d, orEmpty(d.Tags)), Certified: observed(d, d.Certified), Deprecated: observed(d, d.Deprecated),
		Location: observed(d, d.Location), Format: observed(d, d.Format), Partitioning: observed(d, orEmpty(d.Partitioning)),
		SortOrder: observed(d, orEmpty(d.SortOrder)), RowCount: observed(d, d.RowCount), ByteCount: observed(d, d.ByteCount),
		FileCount: observed(d, d.FileCount), ColumnCount: observed(d, d.ColumnCount), Documented: observed(d, d.Documented),
		SnapshotID: observed(d, d.SnapshotID), DataAt: observed(d, utc(d.DataAt)), Properties: observed(d, d.Properties),
		CreatedAt: d.CreatedAt.UTC(), ChangedAt: d.ChangedAt.UTC(), SeenAt: d.SeenAt.UTC(), GoneAt: utc(d.GoneAt),
	}
	owners := make([]string, len(d.Owners))
	for i, id := range d.Owners {
		owners[i] = catalog.FormatID(id)
	}
	out.Owners, out.Terms, out.Sunset = observed(d, owners), observed(d, orEmpty(d.Terms)), observed(d, d.Value(catalog.FieldSunset))
	out.Successor, out.Access, out.FreshWithin = observed(d, d.Successor), observed(d, d.Access), observed(d, d.FreshWithin)
	if d.Problem != "" {
		out.Problem = &datasetProblem{d.Problem, utc(d.ProblemSince)}
	}
	return out
}

// observed is a value as the newest crawl that could read d saw it.
func observed[T any](d *catalog.Dataset, v T) fact[T] { return fact[T]{v, "observed", d.SeenAt.UTC()} }

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// columnsAnswer is a page of columns and the scan that their profiles come from.
type columnsAnswer struct {
	List[columnAnswer]
	Profile *ProfileHead `json:"profile" doc:"Null before the first profile."`
}

type columnAnswer struct {
	Position int                    `json:"position" doc:"From 0, depth first."`
	Path     string                 `json:"path" doc:"Dotted into structs; a part that holds a dot or a quote is in double quotes."`
	Name     string                 `json:"name" doc:"The last part of path."`
	Depth    int                    `json:"depth" doc:"How many structs it lies in."`
	Type     string                 `json:"type"`
	Nullable bool                   `json:"nullable"`
	Comment  string                 `json:"comment"`
	Part     string                 `json:"part" enum:",key,value" doc:"Of a topic's messages; empty elsewhere."`
	From     DatasetName            `json:"from" doc:"The dataset that says that there is this column."`
	Describe *DatasetName           `json:"comment_from" doc:"The one that describes it; null when none does."`
	Profile  *catalog.ColumnProfile `json:"profile,omitempty" doc:"Of top-level columns."`
}

// ProfileHead says what a profile was made of.
type ProfileHead struct {
	SnapshotID string    `json:"snapshot_id"`
	TakenAt    time.Time `json:"taken_at"`
	RowsTotal  int64     `json:"rows_total"`
	RowsRead   int64     `json:"rows_read"`
	Sampled    bool      `json:"sampled" doc:"Whether only some of the rows were read."`
	TookMS     int       `json:"took_ms"`
	Problem    string    `json:"problem,omitempty" doc:"Why there is no profile of this snapshot."`
}

func (e *endpoints) getColumns(ctx context.Context, in *datasetList) (*answer[columnsAnswer], error) {
	d, w, err := e.whole(ctx, catalog.Key{Source: in.Source, Name: in.Name})
	if err != nil {
		return nil, err
	}
	columns, err := e.columnsOf(ctx, &d, &w)
	if err != nil {
		return nil, err
	}
	out := columnsAnswer{}
	profiles := map[string]*catalog.ColumnProfile{}
	right, err := e.right(ctx, &w)
	if err != nil {
		return nil, err
	}
	switch p, err := e.Catalog.Profile(ctx, d.ID); {
	case err == nil:
		onlyReadable(&p, right)
		out.Profile = showProfile(&p)
		for i := range p.Columns {
			profiles[p.Columns[i].Name] = &p.Columns[i]
		}
	case fault.KindOf(err) != fault.NotFound:
		return nil, err
	}
	out.List, err = pageOf(columns, in.Paging, func(c catalog.WholeColumn) columnAnswer {
		shown := columnAnswer{
			Position: c.Position, Path: c.Path, Name: c.Leaf(), Depth: c.Depth(), Type: c.Type, Nullable: c.Nullable, Comment: c.Comment,
			Part: c.Part, From: DatasetName{c.From.Source, c.From.Name},
		}
		if c.CommentFrom != (catalog.Key{}) {
			shown.Describe = &DatasetName{c.CommentFrom.Source, c.CommentFrom.Name}
		}
		if shown.Depth == 0 && c.Part == "" {
			shown.Profile = profiles[shown.Name]
		}
		return shown
	})
	total := len(columns)
	out.Total = &total
	return reply(out, err)
}

// columnsOf returns the columns of the dataset that was asked for: with what other names add where it has the page, else only
// its own.
func (e *endpoints) columnsOf(ctx context.Context, d *catalog.Dataset, w *catalog.Whole) ([]catalog.WholeColumn, error) {
	if d.ID != w.ID {
		w = &catalog.Whole{Dataset: *d}
	}
	return e.Catalog.WholeColumns(ctx, w, math.MaxInt32)
}

func showProfile(p *catalog.Profile) *ProfileHead {
	return &ProfileHead{p.SnapshotID, p.TakenAt.UTC(), p.RowsTotal, p.RowsRead, p.Sampled(), p.TookMS, p.Problem}
}

type profileAnswer struct {
	ProfileHead
	Columns []catalog.ColumnProfile `json:"columns"`
}

func (e *endpoints) getProfile(ctx context.Context, in *DatasetPath) (*answer[profileAnswer], error) {
	d, right, err := e.readableDataset(ctx, *in)
	if err != nil {
		return nil, err
	}
	p, err := e.Catalog.Profile(ctx, d.ID)
	onlyReadable(&p, right)
	return reply(profileAnswer{*showProfile(&p), orEmpty(p.Columns)}, err)
}

type sampleInput struct {
	DatasetPath
	Limit int `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most rows to answer with."`
}

type sampleAnswer struct {
	SnapshotID string         `json:"snapshot_id"`
	Columns    []sampleColumn `json:"columns"`
	Rows       [][]*string    `json:"rows" doc:"Values as text, so that none loses digits; null is NULL."`
	Cut        bool           `json:"cut" doc:"Whether long values were cut."`
}

type sampleColumn struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Numeric bool   `json:"numeric"`
}

func (e *endpoints) getSample(ctx context.Context, in *sampleInput) (*answer[sampleAnswer], error) {
	d, right, err := e.readableDataset(ctx, in.DatasetPath)
	if err != nil {
		return nil, err
	}
	if e.Rows == nil {
		return nil, fault.Unavailablef(nil, "rows cannot be read here: this portal runs without a worker")
	}
	sample, err := e.Rows.Sample(ctx, d.Key(), right.Columns, min(in.Limit, maxSample))
	if err != nil {
		return nil, err
	}
	sample = readableSample(sample, right)
	out := sampleAnswer{SnapshotID: sample.SnapshotID, Columns: []sampleColumn{}, Rows: orEmpty(sample.Rows), Cut: sample.Cut}
	for _, c := range sample.Columns {
		out.Columns = append(out.Columns, sampleColumn(c))
	}
	return reply(out, nil)
}
