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
	out.AddedRows = changed(p, "added-records")
	out.DeletedRows = less(changed(p, "deleted-records"), p, "added", -1)
	out.TotalRows = less(figure(p, "total-records"), p, "total", 1)
	out.AddedBytes = changed(p, "added-files-size")
	out.TotalBytes = figure(p, "total-files-size")
	out.AddedFiles = changed(p, "added-data-files")
	out.TotalFiles = figure(p, "total-data-files")
	summary := map[string]string{}
	for k, v := range p {
		if k != "operation" && !strings.HasPrefix(k, "partitions.") { // one key for each partition touched
			summary[k] = v
		}
	}
	out.Summary = catalog.ShownProperties(summary)
	return out
}

// less returns rows less, or with sign -1 more, those that delete files take away by position: "added" by this snapshot, or
// "total". It is nil when some are deleted by value: nobody knows how many rows that hits.
func less(rows *int64, p iceberg.Properties, which string, sign int64) *int64 {
	if n := figure(p, which+"-equality-deletes"); rows == nil || (n != nil && *n > 0) {
		return nil
	}
	if n := figure(p, which+"-position-deletes"); n != nil {
		left := max(0, *rows-sign**n)
		return &left
	}
	return rows
}

// figure returns a count of a summary, or nil if it is not there or no count.
func figure(p iceberg.Properties, key string) *int64 {
	n, err := strconv.ParseInt(p[key], 10, 64)
	if err != nil || n < 0 {
		return nil
	}
	return &n
}

// changed is figure for the counts that writers leave out when they are 0: it is 0 when the summary has any total.
func changed(p iceberg.Properties, key string) *int64 {
	if n := figure(p, key); n != nil {
		return n
	}
	if _, written := p[key]; !written && figure(p, "total-records") != nil {
		return new(int64)
	}
	return nil
}

// size returns the rows, bytes and files of the current snapshot from its summary, or from its manifests where the summary
// lacks them. Rows are nil when rows were deleted by value: nobody knows how many without reading them.
func size(ctx context.Context, t *table.Table, current *table.Snapshot) (rows, bytes, files *int64) {
	var p iceberg.Properties
	if current.Summary != nil {
		p = current.Summary.Properties
	}
	rows, bytes, files = figure(p, "total-records"), figure(p, "total-files-size"), figure(p, "total-data-files")
	if rows == nil || bytes == nil || files == nil {
		return countFiles(ctx, t, current)
	}
	return less(rows, p, "total", 1), bytes, files
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
