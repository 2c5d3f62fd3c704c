package catalog

import "time"

// Detail is what only some kinds of datasets have; of one dataset most of it is nil. It is kept as JSON.
type Detail struct {
	Topic  *TopicDetail  `json:"topic,omitempty"`
	Schema *SchemaDetail `json:"schema,omitempty"`
	Model  *ModelDetail  `json:"model,omitempty"`
	Keys   []TableKey    `json:"keys,omitempty"` // of a table in a database
	Refs   []TableRef    `json:"refs,omitempty"` // of an Iceberg table, beyond the main branch
}

// Empty reports whether there is nothing in it.
func (d *Detail) Empty() bool {
	return d.Topic == nil && d.Schema == nil && d.Model == nil && len(d.Keys) == 0 && len(d.Refs) == 0
}

// TopicDetail is a Kafka topic beyond its schema.
type TopicDetail struct {
	Internal       bool           `json:"internal,omitempty"`
	Replication    int            `json:"replication"`               // replicas of each partition
	MinInSync      int            `json:"min_in_sync,omitempty"`     // 0: unknown
	CleanupPolicy  string         `json:"cleanup_policy,omitempty"`  // delete, compact or both
	RetentionMS    *int64         `json:"retention_ms,omitempty"`    // -1: for ever
	RetentionBytes *int64         `json:"retention_bytes,omitempty"` // of one partition; -1: any
	Configs        []Setting      `json:"configs,omitempty"`         // that were set on the topic itself, by name
	PartitionCount int            `json:"partition_count"`           // Partitions may be fewer
	Partitions     []Partition    `json:"partitions,omitempty"`      // by id
	Groups         []GroupOnTopic `json:"groups,omitempty"`          // by name
	Volume         []Volume       `json:"volume,omitempty"`          // oldest first, from offsets by time: nothing was consumed
	Notes          []string       `json:"notes,omitempty"`           // what could not be learned, and why
}

// Setting is a name and a value.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Partition is a partition of a topic.
type Partition struct {
	ID       int32   `json:"id"`
	Leader   int32   `json:"leader"` // -1: none
	Replicas []int32 `json:"replicas,omitempty"`
	InSync   []int32 `json:"in_sync,omitempty"`
	Start    int64   `json:"start"` // first offset there is
	End      int64   `json:"end"`   // one past the last
	Bytes    *int64  `json:"bytes,omitempty"`
	Problem  string  `json:"problem,omitempty"`
}

// GroupOnTopic is a consumer group as far as one topic goes.
type GroupOnTopic struct {
	Name     string        `json:"name"`
	Protocol string        `json:"protocol"` // classic, consumer (KIP-848) or share
	State    string        `json:"state"`    // as Kafka spells it: Stable, Empty …
	Lag      *int64        `json:"lag,omitempty"`
	Members  []GroupMember `json:"members,omitempty"`
	Offsets  []GroupOffset `json:"offsets,omitempty"` // by partition
	Problem  string        `json:"problem,omitempty"`
}

// GroupMember is a client within a consumer group.
type GroupMember struct {
	ClientID   string  `json:"client_id"`
	Host       string  `json:"host"`
	Partitions []int32 `json:"partitions,omitempty"` // of this topic
}

// GroupOffset is how far a group has come in a partition.
type GroupOffset struct {
	Partition int32 `json:"partition"`
	Committed int64 `json:"committed"` // -1: nothing yet
	Lag       int64 `json:"lag"`
}

// Volume is what was written in a stretch of time.
type Volume struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Rows int64     `json:"rows"` // offsets used: records, and markers of transactions
}

// SchemaDetail is a subject of a schema registry.
type SchemaDetail struct {
	Subject       string          `json:"subject"`
	Format        string          `json:"format"` // AVRO, JSON or PROTOBUF
	Compatibility string          `json:"compatibility,omitempty"`
	Inherited     bool            `json:"inherited,omitempty"` // Compatibility is the registry's, not the subject's own
	Part          string          `json:"part,omitempty"`      // key or value of its topic
	Versions      []SchemaVersion `json:"versions"`            // newest first
}

// SchemaVersion is a version of a subject.
type SchemaVersion struct {
	Version    int               `json:"version"`
	ID         int               `json:"id"`
	Bytes      int               `json:"bytes"`          // of Text
	Text       string            `json:"text,omitempty"` // as registered; kept apart and read by SchemaTexts
	References []SchemaReference `json:"references,omitempty"`
}

// SchemaReference is a schema that another one uses.
type SchemaReference struct {
	Name    string `json:"name"` // as the schema writes it
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

// ModelDetail is a dbt resource: a model, seed, snapshot, source or exposure.
type ModelDetail struct {
	Resource     string      `json:"resource"` // model, seed, snapshot, source, exposure
	UniqueID     string      `json:"unique_id"`
	Package      string      `json:"package,omitempty"`
	Path         string      `json:"path,omitempty"`         // of its file in the project
	Materialized string      `json:"materialized,omitempty"` // table, view, incremental …
	Relation     string      `json:"relation,omitempty"`     // the table it builds, as dbt writes it
	Adapter      string      `json:"adapter,omitempty"`
	DependsOn    []string    `json:"depends_on,omitempty"` // unique ids
	Tests        []ModelTest `json:"tests,omitempty"`
	URL          string      `json:"url,omitempty"` // of an exposure
	OwnerEmail   string      `json:"owner_email,omitempty"`
	OwnerName    string      `json:"owner_name,omitempty"`
	Maturity     string      `json:"maturity,omitempty"`
	GeneratedAt  *time.Time  `json:"generated_at,omitempty"` // of the artifacts
	Run          *ModelRun   `json:"run,omitempty"`
}

// ModelTest is a dbt test of a model and how its last run went.
type ModelTest struct {
	Name     string     `json:"name"`
	Kind     string     `json:"kind"` // not_null, unique …; "" when it is a query of its own
	Column   string     `json:"column,omitempty"`
	Severity string     `json:"severity,omitempty"`
	Status   string     `json:"status,omitempty"` // pass, fail, warn, error, skipped; "" when the last results do not have it
	Failures *int64     `json:"failures,omitempty"`
	Message  string     `json:"message,omitempty"`
	RanAt    *time.Time `json:"ran_at,omitempty"`
}

// ModelRun is the last run of a model.
type ModelRun struct {
	Status  string     `json:"status"` // success, error, skipped
	Seconds float64    `json:"seconds"`
	Rows    *int64     `json:"rows,omitempty"` // affected, as the adapter says
	Message string     `json:"message,omitempty"`
	At      *time.Time `json:"at,omitempty"`
}

// TableKey is a constraint or an index of a table in a database.
type TableKey struct {
	Name       string   `json:"name"`
	Kind       string   `json:"kind"` // primary key, foreign key, unique, unique index, index, check, exclusion, identity, generated or default
	Columns    []string `json:"columns,omitempty"`
	References string   `json:"references,omitempty"` // "schema.table (column, …)" of a foreign key
	Text       string   `json:"text,omitempty"`       // as the database writes it
}

// TableRef is a branch or a tag of an Iceberg table.
type TableRef struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"` // branch or tag
	SnapshotID string `json:"snapshot_id"`
}
