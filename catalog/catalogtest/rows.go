package catalogtest

import (
	"os"
	"testing"

	"portreeve/catalog"
	"portreeve/fault"
)

func snapshots(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	s.System.Create(t, scope, "growing", idTable)
	if o := s.one(t, scope); len(o.Snapshots) != s.Born || (s.Born == 0 && (o.SnapshotID != "" || o.DataAt != nil)) {
		t.Errorf("before the first rows: snapshots %v, current %q, data at %v", o.Snapshots, o.SnapshotID, o.DataAt)
	}
	var total int64
	for commit := range 3 {
		ids := make([]int64, commit+1)
		s.System.Append(t, scope, "growing", ids...)
		total += int64(len(ids))
		o := s.one(t, scope)
		at := s.Born + commit
		if len(o.Snapshots) != at+1 {
			t.Fatalf("%d snapshots after %d commits", len(o.Snapshots), at+1)
		}
		last := o.Snapshots[at]
		if last.ID != o.SnapshotID || o.DataAt == nil || !last.At.Equal(*o.DataAt) {
			t.Errorf("the last snapshot is %s at %v, the current one %s at %v", last.ID, last.At, o.SnapshotID, o.DataAt)
		}
		if at > 0 && last.ParentID != o.Snapshots[at-1].ID {
			t.Errorf("snapshot %d follows %s, want %s", at, last.ParentID, o.Snapshots[at-1].ID)
		}
		wantCount(t, "rows", o.RowCount, total)
		wantCount(t, "rows of the snapshot", last.TotalRows, total)
		wantCount(t, "rows added", last.AddedRows, int64(len(ids)))
	}
}

func wantCount(t *testing.T, what string, got *int64, want int64) {
	t.Helper()
	switch {
	case got == nil:
		t.Errorf("%s: unknown, want %d", what, want)
	case *got != want:
		t.Errorf("%s: %d, want %d", what, *got, want)
	}
}

func planIsCurrent(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	s.System.Create(t, scope, "replaced", idTable)
	s.System.Append(t, scope, "replaced", 1, 2, 3)
	s.System.Append(t, scope, "replaced", 4, 5)
	before := s.plan(t, scope, "replaced")
	if before.Rows != 5 {
		t.Errorf("a plan after two commits has %d rows, want 5", before.Rows)
	}
	s.System.Overwrite(t, scope, "replaced", 6, 7)
	after := s.plan(t, scope, "replaced")
	if after.Rows != 2 || after.SnapshotID == before.SnapshotID {
		t.Errorf("a plan after the overwrite has %d rows of snapshot %s, want 2 of another than %s", after.Rows, after.SnapshotID, before.SnapshotID)
	}
	if o := s.one(t, scope); o.SnapshotID != after.SnapshotID {
		t.Errorf("the crawl sees snapshot %s, the plan %s", o.SnapshotID, after.SnapshotID)
	}
	old := map[string]bool{}
	for _, f := range before.Files {
		old[f.Path] = true
	}
	for _, f := range after.Files {
		if old[f.Path] {
			t.Errorf("the plan still has the file %s", f.Path)
		}
	}
}

// plan returns a plan whose files are all there and add up.
func (s *suite) plan(t *testing.T, scope, name string) catalog.Plan {
	t.Helper()
	p, err := s.Connection.Planner.Plan(t.Context(), s.Name(scope, name))
	if err != nil {
		t.Fatal(err)
	}
	var rows, bytes int64
	for _, f := range p.Files {
		info, err := os.Stat(f.Path)
		if err != nil {
			t.Error(err)
		} else if info.Size() != f.Bytes {
			t.Errorf("%s has %d bytes, the plan says %d", f.Path, info.Size(), f.Bytes)
		}
		rows += f.Rows
		bytes += f.Bytes
	}
	if rows != p.Rows || bytes != p.Bytes {
		t.Errorf("the files add up to %d rows and %d bytes, the plan says %d and %d", rows, bytes, p.Rows, p.Bytes)
	}
	if len(p.Columns) != 1 || p.Columns[0].Name != "id" {
		t.Errorf("the plan has the columns %v, want id", p.Columns)
	}
	return p
}

func planOfNothing(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	s.System.Create(t, scope, "empty", idTable)
	if p := s.plan(t, scope, "empty"); len(p.Files) > 0 {
		t.Errorf("the plan of an empty dataset has the files %v", p.Files)
	}
}

func planFails(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	s.System.Create(t, scope, "broken", idTable)
	s.System.Append(t, scope, "broken", 1)
	s.System.Break(t, scope, "broken")
	_, err := s.Connection.Planner.Plan(t.Context(), s.Name(scope, "broken"))
	wantKind(t, err, fault.Unavailable)
	_, err = s.Connection.Planner.Plan(t.Context(), s.Name(scope, "missing"))
	wantKind(t, err, fault.NotFound)
}
