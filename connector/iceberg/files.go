package iceberg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// liveFile is a data or delete file of a snapshot.
type liveFile struct {
	iceberg.DataFile
	sequence  int64  // data sequence number
	partition string // the same for files of one partition of one spec
	global    bool   // of an unpartitioned spec
}

// fileSet is the files of a snapshot.
type fileSet struct {
	data    []liveFile
	deletes []liveFile // by position, deletion vectors among them
	equal   []liveFile // deletes by value
}

// readFiles reads the manifests of a snapshot, one after another and on the caller's goroutine: iceberg-go's own planner reads
// them on others, where a panic over a damaged one would end the process.
func readFiles(ctx context.Context, t *table.Table, s *table.Snapshot) (set fileSet, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if s.ManifestList == "" {
		return fileSet{}, errors.New("the snapshot names no manifest list")
	}
	list, err := localFiles{}.Open(s.ManifestList)
	if err != nil {
		return fileSet{}, err
	}
	defer list.Close() //nolint:errcheck // it was only read
	manifests, err := iceberg.ReadManifestList(list)
	if err != nil {
		return fileSet{}, err
	}
	for _, m := range manifests {
		spec := t.Metadata().PartitionSpecByID(int(m.PartitionSpecID()))
		if spec == nil {
			return fileSet{}, fmt.Errorf("a manifest is of the unknown partition spec %d", m.PartitionSpecID())
		}
		for entry, err := range iceberg.EntriesWithProjection(localFiles{}, m, true, iceberg.ManifestEntryProjection{}) {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return fileSet{}, err
			}
			f := liveFile{DataFile: entry.DataFile(), sequence: entry.SequenceNum(), global: spec.IsUnpartitioned()}
			f.partition = partitionKey(spec.ID(), f.Partition())
			if f.Count() < 0 || f.FileSizeBytes() < 0 {
				return fileSet{}, errors.New("a file has less than no rows or bytes")
			}
			set.add(f)
		}
	}
	return set, nil
}

func (s *fileSet) add(f liveFile) {
	switch f.ContentType() {
	case iceberg.EntryContentPosDeletes:
		s.deletes = append(s.deletes, f)
	case iceberg.EntryContentEqDeletes:
		s.equal = append(s.equal, f)
	case iceberg.EntryContentData:
		s.data = append(s.data, f)
	}
}

func partitionKey(spec int, values map[int]any) string {
	var b strings.Builder
	fmt.Fprint(&b, spec)
	for _, id := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&b, "\x00%d=%v", id, values[id])
	}
	return b.String()
}

// deletesOf returns a function that tells the delete files by position that may name rows of a data file: those of its
// partition that are not older. One that names rows of other files only does no harm.
func (s *fileSet) deletesOf() func(liveFile) []liveFile {
	byPartition := map[string][]liveFile{}
	for _, d := range s.deletes {
		byPartition[d.partition] = append(byPartition[d.partition], d)
	}
	return func(f liveFile) []liveFile {
		var out []liveFile
		for _, d := range byPartition[f.partition] {
			other := d.ReferencedDataFile()
			if d.sequence >= f.sequence && (other == nil || *other == f.FilePath()) {
				out = append(out, d)
			}
		}
		return out
	}
}

// deletedByValue reports whether a delete by value applies to any data file.
func (s *fileSet) deletedByValue() bool {
	oldest, oldestOf := int64(-1), map[string]int64{}
	for _, f := range s.data {
		if oldest < 0 || f.sequence < oldest {
			oldest = f.sequence
		}
		if known, ok := oldestOf[f.partition]; !ok || f.sequence < known {
			oldestOf[f.partition] = f.sequence
		}
	}
	return slices.ContainsFunc(s.equal, func(d liveFile) bool {
		at, ok := oldestOf[d.partition]
		return (ok && at < d.sequence) || (d.global && oldest >= 0 && oldest < d.sequence)
	})
}
