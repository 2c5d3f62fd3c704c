package catalog

import (
	"context"
	"iter"
	"time"
)

// Source is a system whose datasets the catalog holds.
type Source struct {
	ID         int32
	Slug       string // [a-z][a-z0-9_-]*, chosen by an operator; part of every URL of its datasets
	Kind       string // the connector: "iceberg" …
	Title      string
	Namespace  string            // OpenLineage's name of the system: trino://host:port
	Aliases    []string          // other namespaces that foreign names use for it
	Note       string            // what people should know of it, shown on its page and its datasets' pages
	Config     map[string]string // settings of the connector; a secret stands there as a reference such as ${NAME}
	CrawlEvery time.Duration
	DeclaredIn string     // file:line of the estate, "" when it is not declared there
	RetiredAt  *time.Time // since when it is declared no longer: its datasets stay, nothing is crawled
}

// Connection is a source that has been opened: what can be asked of it.
type Connection struct {
	Crawler Crawler
	Planner Planner // nil: its rows cannot be read
	Close   func() error
}

// Crawler lists what a source holds, as it is now. Implementations pass catalogtest.
type Crawler interface {
	// Scopes returns the parts of the source that are crawled one after another and fail alone: the schemas of a lake.
	Scopes(ctx context.Context) ([]string, error)

	// Datasets streams the datasets of scope in no particular order, holding one at a time; what was yielded is the
	// catalog's and not touched again. An error beside an Observation
	// with a name means that this dataset exists but could not be read, and the stream goes on. An error beside an empty
	// Observation means that the scope could not be listed to its end; it is the last element.
	//
	// known are the datasets of scope as the catalog has them. A crawler that can tell by the Version that one has not
	// changed since may yield its Name with Unchanged set and spare the rest. Nothing need be known: nil is a first crawl.
	Datasets(ctx context.Context, scope string, known Known) iter.Seq2[Observation, error]

	// Has reports whether the source has a dataset of this name now. Two datasets with one native id are a rename only if
	// the old name is no longer there.
	Has(ctx context.Context, name string) (bool, error)
}

// Known is the Version of each dataset's last Observation that was kept whole, by name.
type Known map[string]string

// Identifier is a name by which other systems know a dataset, in OpenLineage's way: ("trino://host:8080",
// "lake.raw.flights"), ("s3://bucket", "path/of/table"), ("file", "/path/of/table"), ("kafka://host:9092", "orders").
// Two live datasets that share one are the same thing.
type Identifier struct {
	Namespace string
	Name      string
	Rule      string // how it is known, as a page shows it: "both have their files there"
	Part      string // of the thing so named: "key" or "value" of a topic, else ""
}

// Planner tells which files hold the rows of a dataset's current snapshot.
type Planner interface {
	// Plan returns NotFound when there is no such dataset, and Unavailable when its metadata cannot be read.
	Plan(ctx context.Context, name string) (Plan, error)
}

// Reader reads rows of a Plan outside the portal's process.
type Reader interface {
	// Profile scans the plan once and describes each top-level column. Above maxRows rows it reads a sample of whole files
	// or row groups and says so in RowsRead.
	Profile(ctx context.Context, p Plan, maxRows int64) (Profile, error)
	// Sample returns the first limit rows.
	Sample(ctx context.Context, p Plan, limit int) (Sample, error)
	// Count returns the number of rows, deletes applied.
	Count(ctx context.Context, p Plan) (int64, error)
}

// Observation is a dataset as a crawler saw it. What the source does not know stays zero or nil.
type Observation struct {
	Name         string
	NativeID     string // the source's own id, which survives a rename
	Kind         Kind
	Title        string
	Description  string
	Team         string
	Domain       string
	Tags         []string
	Certified    bool
	Deprecated   string
	Location     string
	Format       string
	Partitioning []string // as the source writes it: "month(time_hour)"
	SortOrder    []string
	RowCount     *int64
	ByteCount    *int64
	FileCount    *int64
	SnapshotID   string
	DataAt       *time.Time
	Properties   map[string]string
	Standing     Standing
	Estimated    []string // which of the counts are estimates: "rows", "bytes"
	Definition   string   // a view's SQL, a model's code
	Identifiers  []Identifier
	Detail       Detail
	Version      string     // tells this state from any other, see Known; "" when the source has nothing of the kind
	Unchanged    bool       // only Name is set: all is as it was at the known Version
	Columns      []Column   // positions are set by the catalog from the order
	Snapshots    []Snapshot // those that the source still has, oldest first
}

// Crawl is one run over a source.
type Crawl struct {
	ID          int64
	Source      string
	Trigger     string
	State       CrawlState
	Scope       string // being read now
	ScopesTotal int
	ScopesDone  int
	Seen        int // datasets; likewise the counts below
	Added       int
	Changed     int
	Renamed     int
	Gone        int
	Failed      int
	Message     string // why the whole run failed
	StartedAt   time.Time
	HeartbeatAt time.Time
	FinishedAt  *time.Time
}

// CrawlState is where a crawl stands.
type CrawlState string

// The states of a crawl: partial means that some scopes or datasets failed and the rest is true.
const (
	CrawlQueued   CrawlState = "queued"
	CrawlRunning  CrawlState = "running"
	CrawlFinished CrawlState = "finished"
	CrawlPartial  CrawlState = "partial"
	CrawlFailed   CrawlState = "failed"
)

// CrawlError is something that one crawl could not read.
type CrawlError struct {
	Scope   string
	Name    string // dataset, or "" for the whole scope
	Message string
	At      time.Time
}

// Scope is a part of a source and how its last crawl went.
type Scope struct {
	Name         string
	Datasets     int // live ones
	OKAt         *time.Time
	Problem      string
	ProblemSince *time.Time
}

// SourceStatus is a source with what its page's head shows.
type SourceStatus struct {
	Source
	Datasets    int // live ones
	Gone        int
	Problems    int // live datasets that could not be read at the last crawl
	NextCrawlAt time.Time
	Last        *Crawl     // newest, maybe running; nil before the first
	LastOKAt    *time.Time // end of the newest crawl that read something
}
