package iceberg

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"portreeve/catalog"
)

// snapshots returns the newest maxSnapshots, oldest first.
func snapshots(all []table.Snapshot) []catalog.Snapshot {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b table.Snapshot) int {
		return cmp.Or(cmp.Compare(a.TimestampMs, b.TimestampMs), cmp.Compare(a.SequenceNumber, b.SequenceNumber))
	})
	all = all[max(0, len(all)-maxSnapshots):]
	out := make([]catalog.Snapshot, len(all))
	for i, s := range all {
		out[i] = snapshot(s)
	}
	return out
}

// snapshot translates one. The figures are those of its summary, which a writer need not give.
func snapshot(s table.Snapshot) catalog.Snapshot {
	out := catalog.Snapshot{ID: strconv.FormatInt(s.SnapshotID, 10), At: time.UnixMilli(s.TimestampMs).UTC()}
	if s.ParentSnapshotID != nil {
		out.ParentID = strconv.FormatInt(*s.ParentSnapshotID, 10)
	}
	if s.Summary == nil {
		return out
	}
	p := s.Summary.Properties
	out.Operation = string(s.Summary.Operation)
	out.TakeSummary(p)
	summary := map[string]string{}
	for k, v := range p {
		if k != "operation" && !strings.HasPrefix(k, "partitions.") { // one key for each partition touched
			summary[k] = v
		}
	}
	out.Summary = catalog.ShownProperties(summary)
	return out
}

// size returns the rows, bytes and files of the current snapshot from its summary, or from its manifests where the summary
// lacks them. Rows are nil when rows were deleted by value: nobody knows how many without reading them.
func size(ctx context.Context, t *table.Table, current *table.Snapshot) (rows, bytes, files *int64) {
	var told catalog.Snapshot
	var p iceberg.Properties
	if current.Summary != nil {
		p = current.Summary.Properties
	}
	told.TakeSummary(p)
	if p["total-records"] == "" || told.TotalBytes == nil || told.TotalFiles == nil {
		return countFiles(ctx, t, current)
	}
	return told.TotalRows, told.TotalBytes, told.TotalFiles
}

// countFiles adds up the manifests; all nil when they cannot be read.
func countFiles(ctx context.Context, t *table.Table, current *table.Snapshot) (rows, bytes, files *int64) {
	set, err := readFiles(ctx, t, current)
	if err != nil {
		return nil, nil, nil
	}
	rows, bytes, files = new(int64), new(int64), new(int64)
	for _, f := range set.data {
		*rows += f.Count()
		*bytes += f.FileSizeBytes()
		*files++
	}
	for _, d := range set.deletes {
		*rows = max(0, *rows-d.Count())
	}
	if set.deletedByValue() {
		return nil, bytes, files
	}
	return rows, bytes, files
}
