package launch

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// fill makes the data that a developer's portal shows.
func (p *Platform) fill(ctx context.Context) error {
	return together(ctx, p.fillEvents, func(ctx context.Context) error {
		if err := p.fillShop(ctx); err != nil {
			return err
		}
		return p.fillLake(ctx) // it copies the shop's tables
	})
}

func (p *Platform) fillShop(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.PostgresURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, text("portal/shop.sql"))
	return err
}

// fillLake runs the statements of lake.sql, which end with a semicolon and a line.
func (p *Platform) fillLake(ctx context.Context) error {
	db, err := sql.Open("trino", strings.Replace(p.Trino, "://", "://loader@", 1)+"?source=nightly-load")
	if err != nil {
		return err
	}
	defer db.Close()
	for statement := range strings.SplitSeq(text("portal/lake.sql"), ";\n") {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(statement), err)
		}
	}
	return nil
}

// fillEvents makes two topics with their schemas, and a group of readers that has not read all.
func (p *Platform) fillEvents(ctx context.Context) error {
	registry, err := sr.NewClient(sr.URLs(p.Registry))
	if err != nil {
		return err
	}
	schema, err := registry.CreateSchema(ctx, "shop.orders-value", sr.Schema{Schema: text("portal/order.avsc")})
	if err != nil {
		return err
	}
	if _, err := registry.CreateSchema(ctx, "shop.clicks-value", sr.Schema{Schema: text("portal/click.json"), Type: sr.TypeJSON}); err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(p.Kafka))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	week := strconv.FormatInt((7 * 24 * time.Hour).Milliseconds(), 10)
	topics, err := admin.CreateTopics(ctx, 3, 1, map[string]*string{"retention.ms": &week}, "shop.orders", "shop.clicks")
	if err := errors.Join(err, topics.Error()); err != nil {
		return err
	}
	records, err := events(schema.ID)
	if err != nil {
		return err
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	read := kadm.Offsets{}
	for partition := range int32(3) {
		read.Add(kadm.Offset{Topic: "shop.orders", Partition: partition, At: 50, LeaderEpoch: -1})
	}
	_, err = admin.CommitOffsets(ctx, "fraud-check", read)
	return err
}

// events returns orders, in Avro under the schema of that number, and clicks, in JSON.
func events(schemaID int) ([]*kgo.Record, error) {
	schema, err := avro.Parse(text("portal/order.avsc"))
	if err != nil {
		return nil, err
	}
	var records []*kgo.Record
	for n := range 1000 {
		head := binary.BigEndian.AppendUint32([]byte{0}, uint32(schemaID)) //nolint:gosec // the registry's numbers fit
		order, err := schema.AppendEncode(head, map[string]any{
			"id": int64(n), "customer": int64(n * 7919 % 2000), "status": "placed", "voucher": nil,
			"placed_at": time.Now().Add(time.Duration(n-1000) * time.Minute),
		})
		if err != nil {
			return nil, err
		}
		click := fmt.Sprintf(`{"product": %d, "session": %q, "referrer": null}`, n%200, rand.Text()[:8])
		key := fmt.Append(nil, n)
		records = append(records,
			&kgo.Record{Topic: "shop.orders", Key: key, Value: order}, &kgo.Record{Topic: "shop.clicks", Key: key, Value: []byte(click)})
	}
	return records, nil
}

// text returns one of the embedded files, which are there.
func text(name string) string {
	b, err := configs.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return string(b)
}
