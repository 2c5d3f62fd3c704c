package iceberg

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portreeve/fault"
)

func TestLocalPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a b", "c%20d"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, address, want string // want "" is Unavailable
	}{
		{"a path", dir + "/a b", dir + "/a b"},
		{"three slashes", "file://" + dir + "/a b", dir + "/a b"},
		{"one slash, as Hadoop writes", "file:" + dir + "/a b", dir + "/a b"},
		{"localhost", "file://localhost" + dir + "/x", dir + "/x"},
		{"upper case", "FILE://" + dir + "/x", dir + "/x"},
		{"encoded", "file://" + dir + "/a%20b", dir + "/a b"},
		{"looks encoded and is not", "file://" + dir + "/c%20d", dir + "/c%20d"},
		{"badly encoded", "file://" + dir + "/x%zz", dir + "/x%zz"},
		{"hash and question mark", "file://" + dir + "/x#y?z", dir + "/x#y?z"},
		{"a colon in a path", dir + "/a:b", dir + "/a:b"},
		{"object store", "s3://bucket/x", ""},
		{"Trino's own", "local:///x", ""},
		{"another host", "file://host/x", ""},
		{"relative", "x/y", ""},
		{"relative with scheme", "file:x", ""},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := localPath(tt.address)
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("localPath(%q) = %q, %v; want %q", tt.address, got, err, tt.want)
			}
			if err != nil && fault.KindOf(err) != fault.Unavailable {
				t.Errorf("%v is of the kind %v", err, fault.KindOf(err))
			}
		})
	}
}

func TestBoundedTextIsValidAndBeginsAlike(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat(rapid.String().Draw(t, "text"), rapid.IntRange(0, 20).Draw(t, "times"))
		limit := rapid.IntRange(len(cutMark), 300).Draw(t, "limit")
		got := boundTo(text, limit)
		switch plain := strings.ReplaceAll(text, "\x00", ""); {
		case len(got) > limit || !utf8.ValidString(got) || strings.Contains(got, "\x00"):
			t.Fatalf("%q is longer than %d bytes or no text for Postgres", got, limit)
		case len(plain) <= limit && got != plain:
			t.Fatalf("%q became %q", plain, got)
		case len(plain) > limit && !strings.HasPrefix(plain, strings.TrimSuffix(got, cutMark)):
			t.Fatalf("%q does not begin as %q", got, plain)
		}
	})
}

func TestNamespaceKeysComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.StringMatching(`[a-z."ü]{1,6}`), 1, 3).Draw(t, "parts")
		if diff := cmp.Diff(parts, namespaceParts(namespaceKey(parts))); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestOnlyTheNewestSnapshotsAreKept(t *testing.T) {
	t.Parallel()
	var all []table.Snapshot
	for i := range int64(maxSnapshots + 5) {
		all = append([]table.Snapshot{{SnapshotID: i, TimestampMs: 1000 * i}}, all...)
	}
	got := snapshots(all)
	if len(got) != maxSnapshots || got[0].ID != "5" || got[len(got)-1].ID != strconv.Itoa(maxSnapshots+4) {
		t.Errorf("%d snapshots from %s to %s; want the newest %d, oldest first", len(got), got[0].ID, got[len(got)-1].ID, maxSnapshots)
	}
	if got[0].TotalRows != nil || got[0].AddedRows != nil {
		t.Error("a snapshot without a summary has figures")
	}
}
