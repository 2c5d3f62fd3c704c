package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Distance is what near names are told by.
var Distance = distance

// IndexDataset writes the search entry of a dataset as the sync does, with columns that need not be kept.
func IndexDataset(ctx context.Context, tx pgx.Tx, d *Dataset, columns []Column) error {
	return writeEntries(ctx, tx, []entry{newEntry(d, columns)})
}
