// Package catalog knows what data there is: sources, datasets, columns, their history, profiles, and how to find them.
package catalog

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Key names a dataset: the slug of its source and its name there. Names keep their case; no two live datasets of a source
// have the same name.
type Key struct {
	Source string // slug, such as "lake"
	Name   string // dotted or topic name, such as "raw.flights"
}

// String returns "source/name", as people write it.
func (k Key) String() string { return k.Source + "/" + k.Name }

// Kind is what a dataset is.
type Kind string

// The kinds of datasets.
const (
	Table     Kind = "table"
	View      Kind = "view"
	Topic     Kind = "topic"
	Model     Kind = "model"
	Dashboard Kind = "dashboard"
	File      Kind = "file"
	Schema    Kind = "schema" // a subject of a schema registry
	API       Kind = "api"    // rows that an address answers with
)

var kinds = []Kind{Table, View, Topic, Model, Dashboard, File, Schema, API}

// Kinds returns all kinds, in the order in which people read of them.
func Kinds() []Kind { return slices.Clone(kinds) }

// Standing is how close a dataset is to the data. Of several that are the same thing, the closest one has the page.
type Standing int16

// The standings, closest first.
const (
	Holds     Standing = iota // the system that keeps the data: a lake, a database, a broker
	Serves                    // an engine that reads it from elsewhere
	Describes                 // a description: a dbt model, a schema
)

// Lent tells what of a dataset was taken from who only describes it, such as a dbt project. It is shown, and whose it is may
// describe an open dataset; it gives nobody a right to rows that are restricted.
type Lent struct{ Team, Domain, Owners bool }

func (l Lent) has(field string) bool {
	return field == FieldTeam && l.Team || field == FieldDomain && l.Domain || field == FieldOwners && l.Owners
}

// Dataset is the head of a dataset's page. Counts are nil where they are unknown.
type Dataset struct {
	ID           int64
	Source       string
	Name         string
	Scope        string
	NativeID     string
	Kind         Kind
	Title        string
	Description  string
	Team         string
	Domain       string
	Tags         []string
	Certified    bool
	Deprecated   string     // why, and what to use instead; "" when it is not
	Sunset       *time.Time // the day from which a deprecated one may be gone, UTC; nil: not said
	Successor    string     // what to use instead, "source/name", or ""
	Owners       []int64    // people who answer for it, beside the team
	Terms        []string   // slugs of glossary terms
	Access       string     // who may read its rows: open, or restricted to those whose it is and who were granted it
	Lent         Lent       `db:"-"`
	FreshWithin  *int64     // seconds within which new data is to come; nil: nobody said
	Location     string
	Format       string
	Partitioning []string
	SortOrder    []string
	RowCount     *int64
	ByteCount    *int64
	FileCount    *int64
	ColumnCount  int
	Documented   int // columns with a comment
	SnapshotID   string
	DataAt       *time.Time // when its data last changed
	Properties   map[string]string
	Usage        float32
	Standing     Standing
	Estimated    []string // which of the counts the source only estimates: "rows", "bytes"
	Definition   string   // a view's SQL, a model's code
	MainID       *int64   // the dataset whose page shows this one, nil when that is itself
	MainRule     string   // why they are the same thing
	MainEvidence string   // the identifier that both have
	Problem      string   // why it could not be read at the last crawl; "" when it could
	ProblemSince *time.Time
	CreatedAt    time.Time // first seen
	ChangedAt    time.Time // newest entry of its history
	SeenAt       time.Time
	GoneAt       *time.Time // when it was found missing; nil while it is there
}

// Key returns the dataset's key.
func (d *Dataset) Key() Key { return Key{d.Source, d.Name} }

// Column is a column or a field within one.
type Column struct {
	Position int    // 0-based, depth first
	Path     string // see JoinPath
	Type     string // as the source writes it
	Nullable bool
	Comment  string
	NativeID string // the source's own id, which survives a rename, or ""
}

// Depth returns how many structs the column lies in: 0 for a column of the table.
func (c Column) Depth() int { return len(SplitPath(c.Path)) - 1 }

// Leaf returns the last part of the column's path.
func (c Column) Leaf() string {
	parts := SplitPath(c.Path)
	return parts[len(parts)-1]
}

// JoinPath joins the names from a column down to a field with dots. A name that holds a dot or a double quote, or is
// empty, is put in double quotes, which are doubled within: the column "a.b" is not the field b of a.
func JoinPath(names ...string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteByte('.')
		}
		if n == "" || strings.ContainsAny(n, `."`) {
			b.WriteString(`"` + strings.ReplaceAll(n, `"`, `""`) + `"`)
		} else {
			b.WriteString(n)
		}
	}
	return b.String()
}

// SplitPath is the inverse of JoinPath. Text that JoinPath cannot have made comes back as best it can, never empty.
func SplitPath(path string) []string {
	var parts []string
	for {
		if !strings.HasPrefix(path, `"`) {
			name, rest, more := strings.Cut(path, ".")
			parts = append(parts, name)
			if !more {
				return parts
			}
			path = rest
			continue
		}
		name, rest := unquote(path)
		parts = append(parts, name)
		if !strings.HasPrefix(rest, ".") {
			return parts
		}
		path = rest[1:]
	}
}

// unquote takes a quoted name off the front of s.
func unquote(s string) (name, rest string) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '"' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), s[i+1:]
	}
	return b.String(), ""
}

// Snapshot is one commit to a dataset's data. Figures are nil where the source does not tell them.
type Snapshot struct {
	ID          string
	ParentID    string
	At          time.Time
	Operation   string // append, overwrite, delete, replace
	AddedRows   *int64
	DeletedRows *int64
	TotalRows   *int64
	AddedBytes  *int64
	TotalBytes  *int64
	AddedFiles  *int64
	TotalFiles  *int64
	Summary     map[string]string
}

// Change is one entry of a dataset's history. The entries of one moment are one version.
type Change struct {
	ID      int64
	At      time.Time
	CrawlID int64
	Kind    ChangeKind
	Field   string // column path or attribute name
	Old     string
	New     string
	EditID  int64  // of an edit that was made here, else 0; likewise the three below
	By      string // who made it
	Via     string // page, api, command line or job
	Reason  string
	Of      Key `db:"-"` // the dataset that changed, where several are shown as one
}

// ChangeKind says what a Change is about.
type ChangeKind string

// The kinds of changes.
const (
	Created         ChangeKind = "created"
	ColumnAdded     ChangeKind = "column_added"
	ColumnRemoved   ChangeKind = "column_removed"
	ColumnRenamed   ChangeKind = "column_renamed" // proven by the column's native id
	ColumnRetyped   ChangeKind = "column_retyped"
	ColumnNullable  ChangeKind = "column_nullable" // Old and New are "nullable" or "required"
	ColumnComment   ChangeKind = "column_comment"
	ColumnMoved     ChangeKind = "column_moved"
	AttributeEdited ChangeKind = "attribute" // description, team, partitioning …; Field names it
	Renamed         ChangeKind = "renamed"
	Gone            ChangeKind = "gone"
	Back            ChangeKind = "back"
)

// Plan is what must be read to see one snapshot of a dataset: its data files, never a folder of them, since a folder also
// holds files of other snapshots.
type Plan struct {
	Key        Key
	SnapshotID string
	Rows       int64 // records in the files, before deletes
	Bytes      int64
	Files      []PlanFile
	Columns    []PlanColumn // top level, in order
}

// PlanFile is a Parquet file of a Plan.
type PlanFile struct {
	Path    string // absolute local path
	Rows    int64
	Bytes   int64
	Deletes []string // position delete files (columns file_path, pos) that apply to it; absolute local paths
}

// PlanColumn is a top-level column of a Plan.
type PlanColumn struct {
	FieldID int
	Name    string
	Type    string // Iceberg's spelling: long, decimal(10,2), struct<1: a: optional string> …
}

// Sample is rows of a dataset, for a look at it.
type Sample struct {
	Key        Key
	SnapshotID string
	Columns    []SampleColumn
	Rows       [][]*string // nil is NULL; text as the engine writes it, exact for integers and decimals
	Cut        bool        // some values were cut at SampleValue bytes
}

// SampleColumn is a column of a Sample.
type SampleColumn struct {
	Name    string
	Type    string // the engine's type
	Numeric bool
}

// SampleValue is the most bytes that a Sample keeps of one value.
const SampleValue = 2000

// Profile is what one scan of a snapshot tells of each column.
type Profile struct {
	SnapshotID string
	TakenAt    time.Time
	RowsTotal  int64
	RowsRead   int64 // fewer than RowsTotal: a sample
	TookMS     int
	Columns    []ColumnProfile
	Problem    string // why there is none for this snapshot; then Columns is empty
}

// Sampled reports whether the profile was made of some of the rows only.
func (p *Profile) Sampled() bool { return p.RowsRead < p.RowsTotal }

// ColumnProfile describes the values of one top-level column. Values are text as the engine writes them.
type ColumnProfile struct {
	Name      string     `json:"name"`
	Type      string     `json:"type"`
	Rows      int64      `json:"rows"`
	Nulls     int64      `json:"nulls"`
	Distinct  *int64     `json:"distinct,omitempty"` // approximate unless DistinctExact
	Min       *string    `json:"min,omitempty"`
	Max       *string    `json:"max,omitempty"`
	Mean      *float64   `json:"mean,omitempty"`
	StdDev    *float64   `json:"std_dev,omitempty"`
	Quantiles []float64  `json:"quantiles,omitempty"` // at 5, 25, 50, 75, 95 %; numbers only, approximate
	Top       []TopValue `json:"top,omitempty"`       // most frequent first, approximate
	Histogram *Histogram `json:"histogram,omitempty"` // numbers and times

	DistinctExact bool `json:"distinct_exact,omitempty"` // every row was read and every value counted
}

// TopValue is a value and how many of the rows read have it.
type TopValue struct {
	Value string `json:"value"`
	Rows  int64  `json:"rows"`
}

// Histogram counts values in buckets of equal width from Low to High, the last bucket including High. Where a few values lie
// far out, Low and High are the 1st and the 99th percentile, and Below and Above count the values beyond them.
type Histogram struct {
	Low    string  `json:"low"` // as the engine writes it
	High   string  `json:"high"`
	Counts []int64 `json:"counts"`
	Below  int64   `json:"below,omitempty"`
	Above  int64   `json:"above,omitempty"`
}

// Version is the changes of one moment, newest version first.
type Version struct {
	Number  int // 1 is the first sight of the dataset
	Shape   int // the same, not counting names that were found to mean the same thing; 0 when that is all there was
	At      time.Time
	CrawlID int64
	By      string // who edited, or "" for what a crawl found; likewise the two below
	Via     string
	Reason  string
	Changes []Change
}

// FormatID returns a Postgres id as text.
func FormatID(id int64) string { return strconv.FormatInt(id, 10) }
