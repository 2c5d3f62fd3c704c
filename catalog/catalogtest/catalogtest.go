// Package catalogtest is the conformance suite of catalog.Crawler and catalog.Planner: what the catalog relies on, tried on
// the real system.
package catalogtest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"portreeve/catalog"
	"portreeve/fault"
)

// Fixture is a crawler and the system that it reads.
type Fixture struct {
	Connection catalog.Connection
	System     System
	Types      map[Type]string // how the crawler spells each type; a type that is missing is not tried

	// Name returns the Observation.Name of a dataset; nil means the two names joined by a dot.
	Name func(scope, name string) string
	// OddNames are the names that the system can hold; nil means OddNames of this package.
	OddNames []string

	// Flat is the only scope of a system that has no more: the suite's scopes are then told apart by their names. CreateScope
	// is called all the same, the names that Name makes begin with Name(scope, ""), and the suite looks at no others.
	Flat string
	// Kind is what Create makes; "" means tables.
	Kind catalog.Kind
	// Spell spells the types that have fields, if Types cannot: what it spells depends on the fields.
	Spell func(Column) string

	// What the system knows. Checks of what it does not know are left out.
	Comments  bool // texts on datasets and columns
	Required  bool // columns that cannot be null
	Renames   bool // datasets can be renamed and have an id of their own
	Snapshots bool // commits can be listed
	Born      int  // commits that making a dataset takes
	Versions  bool // what has not changed can be told by its version
	Appends   bool // Append makes another version, whether or not commits can be listed
	MaxWidth  int  // most columns of a dataset, if that is fewer than 3,000
	MaxText   int  // most bytes of a comment, if that is fewer than a MiB

	// What the system cannot do.
	NoColumns   bool // datasets have no columns
	Unbreakable bool // nothing can be damaged
}

// System is changed by the suite as people would change it, not through the crawler. A method that fails ends the test.
type System interface {
	CreateScope(tb testing.TB, scope string)
	Create(tb testing.TB, scope, name string, table Table)
	AddColumn(tb testing.TB, scope, name string, column Column)
	Drop(tb testing.TB, scope, name string)
	// Append adds rows to a dataset whose only column is id, of type Long.
	Append(tb testing.TB, scope, name string, ids ...int64)
	// Overwrite puts rows in the place of all rows.
	Overwrite(tb testing.TB, scope, name string, ids ...int64)
	// Rename is called only if Fixture.Renames.
	Rename(tb testing.TB, scope, from, to string)
	// Break damages what describes a dataset: it is still listed, and nothing else can be said of it.
	Break(tb testing.TB, scope, name string)
}

// Table is a dataset to be made.
type Table struct {
	Comment string
	Columns []Column
}

// Column is a column to be made.
type Column struct {
	Name     string
	Type     Type
	Required bool
	Comment  string
	Fields   []Column // of a Struct, or of the elements of a StructList
}

// Type is a type that most systems have.
type Type string

// The types. A List holds Text; the field below a list is called "element".
const (
	Long       Type = "long"
	Text       Type = "text"
	Double     Type = "double"
	Bool       Type = "bool"
	Date       Type = "date"
	Instant    Type = "instant"
	Decimal    Type = "decimal" // nine digits, two of them after the point
	List       Type = "list"
	Struct     Type = "struct"
	StructList Type = "struct list"
)

// OddNames are names that have broken other catalogs.
var OddNames = []string{
	"with space", `with"quote`, "with'apostrophe", "with/slash", `with\backslash`, "with.dot", "with%25percent", "with#hash?query",
	"<script>alert(1)</script>", "snow☃man", "family👨‍👩‍👧", "..", "a;DROP TABLE x", "Ünïcode", "ünïcode", "Twin", "twin", "TWIN",
}

// suite is the fixture with what the checks share.
type suite struct {
	Fixture
	scopes atomic.Int32
}

// Crawler checks that a crawler, and its planner if it has one, does what the catalog relies on.
func Crawler(t *testing.T, f Fixture) {
	t.Helper()
	if f.Name == nil {
		f.Name = func(scope, name string) string { return catalog.JoinPath(scope, name) }
	}
	if f.OddNames == nil {
		f.OddNames = OddNames
	}
	s := &suite{Fixture: f}
	run := func(name string, check func(*testing.T, *suite)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, s)
		})
	}
	run("lists each dataset of a scope once", listsAll)
	run("an empty scope has no datasets", emptyScope)
	run("a missing scope is an error at the end of the stream", missingScope)
	run("names come back as they are", oddNames)
	run("what is dropped is no longer listed", seesDrop)
	if !f.NoColumns {
		run("columns come in order with their types", columnTypes)
		run("nested fields follow their column", nestedFields)
		run("columns keep odd names", oddColumns)
		run("thousands of columns are all there", wideTable)
		run("a change is seen at once", seesChanges)
	}
	if f.Versions {
		run("what has not changed is known by its version", knowsUnchanged)
	}
	if !f.Unbreakable {
		run("a dataset that cannot be read stops no other", brokenDataset)
	}
	run("each dataset has a kind, a standing and a name elsewhere", identifies)
	run("has tells what is there now", has)
	run("a consumer may stop early", stopsEarly)
	run("a cancelled context ends the stream", cancelled)
	if f.Comments {
		run("comments are kept and bounded", comments)
	}
	if f.Required {
		run("required columns are not nullable", required)
	}
	if f.Renames {
		run("the native id survives a rename", renames)
	}
	if f.Snapshots {
		run("each commit is a snapshot", snapshots)
	}
	if f.Connection.Planner != nil {
		run("a plan holds the rows of now and no others", planIsCurrent)
		run("a plan of an empty dataset has no files", planOfNothing)
		run("what cannot be planned says why", planFails)
	}
}

// scope makes a scope of the test's own.
func (s *suite) scope(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("conformance_%d", s.scopes.Add(1))
	if s.Flat != "" {
		name += "_" // no prefix of another
	}
	s.System.CreateScope(t, name)
	return name
}

// crawl returns what the crawler says of a scope by name, and its errors by name.
func (s *suite) crawl(t *testing.T, scope string) (map[string]catalog.Observation, map[string]error) {
	t.Helper()
	return s.crawlKnowing(t, scope, nil)
}

func (s *suite) crawlKnowing(t *testing.T, scope string, known catalog.Known) (map[string]catalog.Observation, map[string]error) {
	t.Helper()
	seen, failed := map[string]catalog.Observation{}, map[string]error{}
	prefix := ""
	if s.Flat != "" {
		scope, prefix = s.real(scope), s.Name(scope, "")
	}
	for o, err := range s.Connection.Crawler.Datasets(t.Context(), scope, known) {
		if o.Name != "" && !strings.HasPrefix(o.Name, prefix) {
			continue
		}
		if _, again := seen[o.Name]; again {
			t.Errorf("%s was listed twice", o.Name)
		}
		seen[o.Name] = o
		if err != nil {
			failed[o.Name] = err
		}
	}
	return seen, failed
}

// one returns the only dataset of a scope.
func (s *suite) one(t *testing.T, scope string) catalog.Observation {
	t.Helper()
	seen, failed := s.crawl(t, scope)
	if len(failed) > 0 || len(seen) != 1 {
		t.Fatalf("crawl of %s: %d datasets, errors %v; want one dataset", scope, len(seen), failed)
	}
	for _, o := range seen {
		return o
	}
	panic("unreachable")
}

// real returns the scope that the system knows.
func (s *suite) real(scope string) string {
	if s.Flat != "" {
		return s.Flat
	}
	return scope
}

// spell returns how the crawler spells the type of a column.
func (s *suite) spell(c Column) string {
	if s.Spell != nil && len(c.Fields) > 0 {
		return s.Spell(c)
	}
	return s.Types[c.Type]
}

// idTable is a dataset that Append and Overwrite can be used on.
var idTable = Table{Columns: []Column{{Name: "id", Type: Long}}}

// wantKind reports an error that a person could not be told or a caller could not act on.
func wantKind(t *testing.T, err error, want fault.Kind) {
	t.Helper()
	if got := fault.KindOf(err); got != want {
		t.Errorf("error %v is of the kind %v, want %v", err, got, want)
	}
	if fault.Message(err) == "" {
		t.Errorf("error %v says nothing to a person", err)
	}
}
