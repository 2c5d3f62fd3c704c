package demo

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

//go:embed data/*.parquet
var data embed.FS

// embedded reads a table of the package's data as one batch. The caller releases it.
func embedded(ctx context.Context, name string) (arrow.RecordBatch, error) {
	raw, err := data.ReadFile("data/" + name + ".parquet")
	if err != nil {
		return nil, err
	}
	reader, closeFile, err := parquetReader(ctx, bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer closeFile() //nolint:errcheck // it was only read
	defer reader.Release()
	batch, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	batch.Retain() // the reader gives up its own at its end
	return batch, nil
}

// parquetReader reads a Parquet file in as few batches as its row groups allow.
func parquetReader(ctx context.Context, r parquet.ReaderAtSeeker) (pqarrow.RecordReader, func() error, error) {
	f, err := file.NewParquetReader(r)
	if err != nil {
		return nil, nil, err
	}
	properties := pqarrow.ArrowReadProperties{BatchSize: 1 << 20, Parallel: true}
	fr, err := pqarrow.NewFileReader(f, properties, memory.DefaultAllocator)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	reader, err := fr.GetRecordReader(ctx, nil, nil)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return reader, f.Close, nil
}

// moved returns batch with its dates moved forward by whole weeks: the local date in year, month and day, and time_hour, which
// becomes microseconds as Iceberg wants them. A batch without time_hour comes back as it is. The caller releases the result.
func moved(batch arrow.RecordBatch, weeks int) arrow.RecordBatch {
	at := batch.Schema().FieldIndices("time_hour")
	if len(at) == 0 {
		batch.Retain()
		return batch
	}
	columns := append([]arrow.Array(nil), batch.Columns()...)
	fields := append([]arrow.Field(nil), batch.Schema().Fields()...)
	year, month, day := movedDates(batch, weeks)
	columns[index(batch, "year")], columns[index(batch, "month")], columns[index(batch, "day")] = year, month, day
	columns[at[0]] = movedTimes(columns[at[0]].(*array.Timestamp), weeks)
	fields[at[0]].Type = columns[at[0]].DataType()
	out := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, batch.NumRows())
	for _, made := range []arrow.Array{year, month, day, columns[at[0]]} {
		made.Release() // out holds them now
	}
	return out
}

func index(batch arrow.RecordBatch, name string) int { return batch.Schema().FieldIndices(name)[0] }

func movedDates(batch arrow.RecordBatch, weeks int) (year, month, day arrow.Array) {
	column := func(name string) *array.Int32 { return batch.Column(index(batch, name)).(*array.Int32) }
	years, months, days := column("year"), column("month"), column("day")
	y, m, d := builder32(batch), builder32(batch), builder32(batch)
	defer y.Release()
	defer m.Release()
	defer d.Release()
	for i := range years.Len() {
		date := time.Date(int(years.Value(i)), time.Month(months.Value(i)), int(days.Value(i))+7*weeks, 0, 0, 0, 0, time.UTC)
		y.Append(int32(date.Year()))  //nolint:gosec // a year
		m.Append(int32(date.Month())) //nolint:gosec // a month
		d.Append(int32(date.Day()))   //nolint:gosec // a day of a month
	}
	return y.NewArray(), m.NewArray(), d.NewArray()
}

func builder32(batch arrow.RecordBatch) *array.Int32Builder {
	b := array.NewInt32Builder(memory.DefaultAllocator)
	b.Reserve(int(batch.NumRows()))
	return b
}

func movedTimes(times *array.Timestamp, weeks int) arrow.Array {
	b := array.NewTimestampBuilder(memory.DefaultAllocator, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"})
	defer b.Release()
	b.Reserve(times.Len())
	by := (time.Duration(weeks) * 7 * 24 * time.Hour).Microseconds()
	unit := times.DataType().(*arrow.TimestampType).Unit
	for i := range times.Len() {
		b.Append(arrow.Timestamp(times.Value(i).ToTime(unit).UnixMicro() + by))
	}
	return b.NewArray()
}

// periods cuts a batch that is sorted by time_hour into one slice for each period that until gives the end of. A batch without
// time_hour is one slice. The caller releases the slices.
func periods(batch arrow.RecordBatch, until func(time.Time) time.Time) []arrow.RecordBatch {
	at := batch.Schema().FieldIndices("time_hour")
	if len(at) == 0 {
		batch.Retain()
		return []arrow.RecordBatch{batch}
	}
	times := batch.Column(at[0]).(*array.Timestamp)
	value := func(i int) time.Time { return times.Value(i).ToTime(arrow.Microsecond) }
	var out []arrow.RecordBatch
	for from := 0; from < times.Len(); {
		end, to := until(value(from)), from
		for to < times.Len() && value(to).Before(end) {
			to++
		}
		out = append(out, batch.NewSlice(int64(from), int64(to)))
		from = to
	}
	return out
}

func nextMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
}

func nextQuarter(t time.Time) time.Time {
	return time.Date(t.Year(), (t.Month()-1)/3*3+4, 1, 0, 0, 0, 0, time.UTC)
}

// conforming gives the batches of a reader the names and nullability of a table's columns, which are in the same order.
type conforming struct {
	array.RecordReader
	schema *arrow.Schema
}

func (c conforming) Schema() *arrow.Schema { return c.schema }

// RecordBatch returns the current batch under the table's schema.
func (c conforming) RecordBatch() arrow.RecordBatch {
	batch := c.RecordReader.RecordBatch()
	return array.NewRecordBatch(c.schema, batch.Columns(), batch.NumRows())
}
