package catalog

import "strconv"

// TakeSummary fills in the figures of an Iceberg snapshot from its summary, which a writer need not give: nil is unknown. Rows
// that delete files take away by position are taken off; where rows are deleted by value, nobody knows how many that hits.
// See "Snapshot summary" in Iceberg's table specification.
func (s *Snapshot) TakeSummary(summary map[string]string) {
	s.AddedRows = changedBy(summary, "added-records")
	s.DeletedRows = withDeletes(changedBy(summary, "deleted-records"), summary, "added", 1)
	s.TotalRows = withDeletes(figure(summary, "total-records"), summary, "total", -1)
	s.AddedBytes = changedBy(summary, "added-files-size")
	s.TotalBytes = figure(summary, "total-files-size")
	s.AddedFiles = changedBy(summary, "added-data-files")
	s.TotalFiles = figure(summary, "total-data-files")
}

// withDeletes adds sign times the rows that delete files take away by position: "added" by this snapshot, or "total".
func withDeletes(rows *int64, summary map[string]string, which string, sign int64) *int64 {
	if n := figure(summary, which+"-equality-deletes"); rows == nil || (n != nil && *n > 0) {
		return nil
	}
	if n := figure(summary, which+"-position-deletes"); n != nil {
		sum := max(0, *rows+sign**n)
		return &sum
	}
	return rows
}

// figure returns a count of a summary, or nil if it is not there or no count.
func figure(summary map[string]string, key string) *int64 {
	n, err := strconv.ParseInt(summary[key], 10, 64)
	if err != nil || n < 0 {
		return nil
	}
	return &n
}

// changedBy is figure for the counts that writers leave out when they are 0: it is 0 when the summary has any total.
func changedBy(summary map[string]string, key string) *int64 {
	if n := figure(summary, key); n != nil {
		return n
	}
	if _, written := summary[key]; !written && figure(summary, "total-records") != nil {
		return new(int64)
	}
	return nil
}
