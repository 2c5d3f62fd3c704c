package web

import (
	"context"
	"time"

	"portreeve/catalog"
)

// versionAnswer is what changed about a dataset at one moment.
type versionAnswer struct {
	Number  int            `json:"number" doc:"1 is the first sight of the dataset."`
	Version int            `json:"version" doc:"The same as pages count: without names that were found to mean the same thing; 0 when that is all there was."`
	At      time.Time      `json:"at"`
	CrawlID string         `json:"crawl_id" doc:"The crawl that saw it; empty when it was none."`
	Changes []changeAnswer `json:"changes"`
}

type changeAnswer struct {
	Kind  string `json:"kind"`
	Field string `json:"field" doc:"Path of a column, or name of an attribute."`
	Old   string `json:"old"`
	New   string `json:"new"`

	Of DatasetName `json:"of" doc:"The dataset that changed: this one, or another that is the same thing."`
}

func (e *endpoints) getHistory(ctx context.Context, in *datasetList) (*answer[List[versionAnswer]], error) {
	before, err := in.offset() // here: the number of the version before which to begin
	if err != nil {
		return nil, err
	}
	d, w, err := e.whole(ctx, catalog.Key{Source: in.Source, Name: in.Name})
	if err != nil {
		return nil, err
	}
	if d.ID != w.ID {
		w = catalog.Whole{Dataset: d} // its own history only
	}
	versions, err := e.Catalog.WholeVersions(ctx, &w, before, in.Limit)
	out := List[versionAnswer]{Items: make([]versionAnswer, 0, len(versions))}
	for _, v := range versions {
		out.Items = append(out.Items, showVersion(v))
		if v.Number > 1 && len(out.Items) == in.Limit {
			out.NextCursor = cursorAt(v.Number)
		}
	}
	return reply(out, err)
}

func showVersion(v catalog.Version) versionAnswer {
	shown := versionAnswer{Number: v.Number, Version: v.Shape, At: v.At.UTC(), Changes: make([]changeAnswer, 0, len(v.Changes))}
	if v.CrawlID != 0 {
		shown.CrawlID = catalog.FormatID(v.CrawlID)
	}
	for _, c := range v.Changes {
		shown.Changes = append(shown.Changes, changeAnswer{string(c.Kind), c.Field, c.Old, c.New, DatasetName{c.Of.Source, c.Of.Name}})
	}
	return shown
}

// snapshotAnswer is a commit to a dataset's data. Figures are null where the source does not tell them.
type snapshotAnswer struct {
	ID          string            `json:"id"`
	ParentID    string            `json:"parent_id"`
	At          time.Time         `json:"at"`
	Operation   string            `json:"operation"`
	AddedRows   *int64            `json:"added_rows"`
	DeletedRows *int64            `json:"deleted_rows"`
	TotalRows   *int64            `json:"total_rows"`
	AddedBytes  *int64            `json:"added_bytes"`
	TotalBytes  *int64            `json:"total_bytes"`
	AddedFiles  *int64            `json:"added_files"`
	TotalFiles  *int64            `json:"total_files"`
	Summary     map[string]string `json:"summary" doc:"As the source writes it."`
}

func (e *endpoints) getSnapshots(ctx context.Context, in *datasetList) (*answer[List[snapshotAnswer]], error) {
	from, err := in.offset()
	if err != nil {
		return nil, err
	}
	d, err := e.dataset(ctx, in.DatasetPath)
	if err != nil {
		return nil, err
	}
	snapshots, err := e.Catalog.Snapshots(ctx, d.ID, from+in.Limit+1) // one more tells whether there are more
	if err != nil {
		return nil, err
	}
	return reply(pageOf(snapshots, in.Paging, func(sn catalog.Snapshot) snapshotAnswer {
		shown := snapshotAnswer(sn)
		shown.At = sn.At.UTC()
		return shown
	}))
}
