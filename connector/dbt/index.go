package dbt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// newestManifest is the newest version of manifests that this package was tried on. Newer ones are read as far as they are
// alike.
const newestManifest = 12

// index is what is kept of a project during a crawl: where each node lies in its file, and what other nodes and files say of
// it. The nodes themselves are read one at a time.
type index struct {
	Metadata  metadata
	Entries   []entry             // in the order of the file
	Packages  map[string]bool     // also those that have macros only
	Tests     []test              //
	TestsOf   map[string][]int    // by unique id of what they test, positions in Tests
	Groups    map[string]group    // by unique id
	GroupsSum uint64              //
	Results   map[string]result   // by unique id
	Fresh     map[string]loaded   // sources by unique id
	Built     map[string]builtIn  // by unique id
	known     map[string]position // by unique id, while the file is read
	kept      int                 // bytes, roughly
}

type position struct {
	test bool
	at   int
}

// metadata is the head of every artifact.
type metadata struct {
	Schema      text `json:"dbt_schema_version"`
	GeneratedAt text `json:"generated_at"`
	Project     text `json:"project_name"`
	Adapter     text `json:"adapter_type"`
}

// span is where a value lies in its file.
type span struct {
	Off  int64
	Size int    // -1: it is larger than anything that is read
	Sum  uint64 // of its bytes
}

// builtIn is what catalog.json says of a node.
type builtIn struct{ span }

// entry is a node that becomes a dataset.
type entry struct {
	ID       string
	Resource string // model, seed, snapshot, source, exposure
	Package  string
	Path     []string // its name within the package
	span
}

// group is a group of models and who answers for it.
type group struct{ Name, OwnerName, OwnerEmail string }

// test is a test, and the nodes that it is shown at.
type test struct {
	ID       string
	Name     string
	Kind     string
	Column   string
	Severity string
	Targets  []string
	Sum      uint64
}

// result is how the last run of a node or test went.
type result struct {
	Status   string
	Message  string
	Seconds  float64
	Rows     *int64
	Failures *int64
	At       *time.Time
	Sum      uint64
}

// loaded is how fresh a source was.
type loaded struct {
	Status, MaxLoadedAt, CheckedAt string
	Sum                            uint64
}

var schemaVersion = regexp.MustCompile(`/([a-z-]+)/v([0-9]{1,4})\.json$`)

// artifact returns what the metadata is of, and its version: "manifest" and 12.
func (m *metadata) artifact() (name string, version int) {
	match := schemaVersion.FindStringSubmatch(string(m.Schema))
	if match == nil {
		return "", 0
	}
	version, _ = strconv.Atoi(match[2])
	return match[1], version
}

func sum(raw []byte) uint64 {
	h := sha256.Sum256(raw)
	return binary.BigEndian.Uint64(h[:])
}

// version tells the state of a dataset from any other, as far as it is observed: the node, its entry in catalog.json, its
// tests, and how the last runs went. When the artifacts were made is no part of it.
func (x *index) version(e *entry, namespace string) string {
	h := sha256.New()
	_, version := x.Metadata.artifact()
	fmt.Fprintf(h, "%s\n%s\n%s\n%d\n", e.ID, namespace, x.Metadata.Adapter, version)
	fmt.Fprintln(h, e.Sum, x.Built[e.ID].Sum, x.Results[e.ID].Sum, x.Fresh[e.ID].Sum, x.GroupsSum)
	for _, t := range x.testsOf(e.ID) {
		fmt.Fprintln(h, t.Sum, x.Results[t.ID].Sum)
	}
	return "1:" + hex.EncodeToString(h.Sum(nil)[:16])
}

// testsOf returns the tests of a node by id.
func (x *index) testsOf(id string) []test {
	at := x.TestsOf[id]
	tests := make([]test, len(at))
	for i, k := range at {
		tests[i] = x.Tests[k]
	}
	slices.SortFunc(tests, func(a, b test) int { return strings.Compare(a.ID, b.ID) })
	return tests
}
