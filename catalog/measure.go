package catalog

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Measurement is what a crawl found; it stands until the next one.
type Measurement struct {
	At        time.Time
	RowCount  *int64
	ByteCount *int64
	FileCount *int64
	DataAt    *time.Time
}

// queueMeasurement queues the keeping of a dataset's figures if they differ from the newest ones kept.
func queueMeasurement(batch *pgx.Batch, id int64) {
	const q = `
		INSERT INTO measurement (dataset_id, row_count, byte_count, file_count, data_at)
		SELECT d.id, d.row_count, d.byte_count, d.file_count, d.data_at FROM dataset d
		LEFT JOIN LATERAL (SELECT * FROM measurement WHERE dataset_id = d.id ORDER BY at DESC LIMIT 1) m ON true
		WHERE d.id = $1 AND num_nonnulls(d.row_count, d.byte_count, d.file_count, d.data_at) > 0
		  AND (m.row_count, m.byte_count, m.file_count, m.data_at) IS DISTINCT FROM (d.row_count, d.byte_count, d.file_count, d.data_at)
		ON CONFLICT (dataset_id, at) DO NOTHING`
	batch.Queue(q, id)
}

// Measurements returns the figures of a dataset as they changed, oldest first, at most the newest limit.
func (s *Store) Measurements(ctx context.Context, id int64, limit int) ([]Measurement, error) {
	const q = `SELECT at, row_count, byte_count, file_count, data_at FROM measurement WHERE dataset_id = $1 ORDER BY at DESC LIMIT $2`
	rows, _ := s.db.Query(ctx, q, id, limit)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Measurement])
	slices.Reverse(found)
	return found, err
}

// ThinMeasurements keeps of figures older than two weeks only the last of each day: a busy topic has new ones at every crawl.
func (s *Store) ThinMeasurements(ctx context.Context) error {
	const q = `
		DELETE FROM measurement m USING (
			SELECT dataset_id, at, lead(at) OVER (PARTITION BY dataset_id ORDER BY at) AS next FROM measurement
			WHERE at < now() - interval '14 days'
		) x
		WHERE m.dataset_id = x.dataset_id AND m.at = x.at AND date_trunc('day', x.next) = date_trunc('day', x.at)`
	_, err := s.db.Exec(ctx, q)
	return err
}
