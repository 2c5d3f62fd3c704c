package iceberg_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portreeve/catalog/catalogtest"
	"portreeve/fault"
)

var idTable = catalogtest.Table{Columns: []catalogtest.Column{{Name: "id", Type: catalogtest.Long}}}

// wantUnavailable reports an error that is not Unavailable or does not tell a person about word.
func wantUnavailable(t *testing.T, err error, word string) {
	t.Helper()
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Message(err), word) {
		t.Errorf("error %v is of the kind %v; want unavailable, with a message about %q", err, fault.KindOf(err), word)
	}
}

func TestDamagedMetadataIsSaid(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	write := func(content string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	location := func(address any) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			t.Helper()
			l.exec(t, `UPDATE iceberg_tables SET metadata_location = $1 WHERE metadata_location = $2`, address, "file://"+path)
		}
	}
	tests := []struct {
		name   string
		damage func(t *testing.T, path string)
		word   string
	}{
		{"missing", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, "missing"},
		{"empty", write(""), "damaged"},
		{"no JSON", write("\x00\x01binary"), "damaged"},
		{"other JSON", write(`{"format-version": 2}`), "damaged"},
		{"JSON null", write("null"), "damaged"},
		{"cut off", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Truncate(path, 300); err != nil {
				t.Fatal(err)
			}
		}, "damaged"},
		{"huge", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Truncate(path, 33<<20); err != nil {
				t.Fatal(err)
			}
		}, "too large"},
		{"a folder", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "not a regular file"},
		{"no address", location(nil), "names no metadata file"},
		{"in a bucket", location("s3://bucket/v1.metadata.json"), "s3 storage"},
		{"on another host", location("file://elsewhere/v1.metadata.json"), "local disk"},
		{"relative", location("v1.metadata.json"), "local disk"},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			scope := fmt.Sprint("s", i)
			l.CreateScope(t, scope)
			l.Create(t, scope, "broken", idTable)
			path := l.metadata(t, scope, "broken")
			tt.damage(t, path)
			o, err := l.one(t, scope)
			if o.Name != scope+".broken" {
				t.Errorf("the error belongs to %q", o.Name)
			}
			wantUnavailable(t, err, tt.word)
			if strings.Contains(fault.Message(err), filepath.Dir(path)) {
				t.Errorf("the message tells where files lie: %s", fault.Message(err))
			}
			_, err = l.conn.Planner.Plan(t.Context(), scope+".broken")
			wantUnavailable(t, err, tt.word)
		})
	}
}

// TestNonsenseDoesNotPanic changes bytes of real metadata, manifest lists and manifests. Whatever becomes of them, the crawl
// and the plan return.
func TestNonsenseDoesNotPanic(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	l.Create(t, "s", "victim", idTable)
	l.Append(t, "s", "victim", 1, 2, 3)
	l.Append(t, "s", "victim", 4)
	files, err := filepath.Glob(filepath.Join(filepath.Dir(l.metadata(t, "s", "victim")), "*"))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	failed := 0
	for _, path := range files {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 150 {
			if err := os.WriteFile(path, mutated(random, whole), 0o600); err != nil {
				t.Fatal(err)
			}
			if o, err := l.one(t, "s"); o.Name != "s.victim" {
				t.Fatalf("the crawl saw %q, %v", o.Name, err)
			}
			if _, err := l.conn.Planner.Plan(t.Context(), "s.victim"); err != nil {
				failed++
				if fault.KindOf(err) != fault.Unavailable {
					t.Fatalf("plan: %v is of the kind %v", err, fault.KindOf(err))
				}
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if failed == 0 {
		t.Error("no change made a plan fail: the test changes nothing that matters")
	}
	if plan, err := l.conn.Planner.Plan(t.Context(), "s.victim"); err != nil || plan.Rows != 4 {
		t.Errorf("the plan of the mended table has %d rows, error %v", plan.Rows, err)
	}
}

const nonsense = "0123456789\x00\xff{}[]\",:-ntf"

// mutated returns data with some bytes changed, and sometimes cut off.
func mutated(random *rand.Rand, data []byte) []byte {
	data = bytes.Clone(data)
	for range 1 + random.IntN(8) {
		data[random.IntN(len(data))] = nonsense[random.IntN(len(nonsense))]
	}
	if random.IntN(4) == 0 {
		data = data[:random.IntN(len(data))]
	}
	return data
}

func TestMissingDataFileIsSaid(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	l.Create(t, "s", "torn", idTable)
	l.Append(t, "s", "torn", 1, 2, 3)
	plan, err := l.conn.Planner.Plan(t.Context(), "s.torn")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(plan.Files[0].Path); err != nil {
		t.Fatal(err)
	}
	_, err = l.conn.Planner.Plan(t.Context(), "s.torn")
	wantUnavailable(t, err, "missing")
	if _, err := l.one(t, "s"); err != nil {
		t.Errorf("what is known without the rows is an error: %v", err)
	}
}

func TestTablesThatChangeDuringTheCrawlAreNoErrors(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	for _, name := range []string{"a_first", "b_dropped", "c_committed"} {
		l.Create(t, "s", name, idTable)
	}
	var got []string
	for o, err := range l.conn.Crawler.Datasets(t.Context(), "s", nil) {
		if err != nil {
			t.Errorf("%s: %v", o.Name, err)
		}
		if got = append(got, o.Name); len(got) > 1 {
			continue
		}
		l.Break(t, "s", "b_dropped") // as a drop that purges does
		l.exec(t, `DELETE FROM iceberg_tables WHERE table_name = 'b_dropped'`)
		old := l.metadata(t, "s", "c_committed")
		l.Append(t, "s", "c_committed", 1)
		if err := os.Remove(old); err != nil { // as write.metadata.delete-after-commit does
			t.Fatal(err)
		}
	}
	if strings.Join(got, " ") != "s.a_first s.c_committed" {
		t.Errorf("the crawl saw %q", got)
	}
}
