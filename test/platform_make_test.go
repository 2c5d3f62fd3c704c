package test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/trinodb/trino-go-client/trino" // registers itself with database/sql
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"portreeve/test/stack"
)

var made atomic.Int64

// unique returns a word that no other run uses.
func unique() string { return fmt.Sprintf("%d%d", time.Now().UnixNano()/1000, made.Add(1)) }

// background is for what must be done after a test has ended too.
func background(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// company is what one test has made in each system, under names that only it uses.
type company struct {
	t        *testing.T
	stack    *stack.Stack
	prefix   string // of the schema
	schema   string // in Trino's catalog lake and in Postgres
	topic    string
	trino    *sql.DB
	postgres *pgx.Conn
	kafka    *kgo.Client
	models   string // folder of dbt's artifacts
}

// newCompany makes an Iceberg table and a view of it in the lake, a table and a view in Postgres, a topic that a group reads,
// with schemas of its keys and values, and a dbt model that builds the Iceberg table. The schema is named prefix and a word.
func newCompany(t *testing.T, prefix string) *company {
	t.Helper()
	s := stack.Of(t)
	word := unique()
	c := &company{t: t, stack: s, prefix: prefix, schema: prefix + word, topic: "platform-" + word, postgres: connect(t, s.PostgresURL)}
	var err error
	if c.trino, err = sql.Open("trino", strings.Replace(s.Trino, "://", "://tester@", 1)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.trino.Close() })
	c.do(`CREATE SCHEMA lake.%s`, c.schema)
	t.Cleanup(func() { c.do(`DROP SCHEMA lake.%s CASCADE`, c.schema) })
	c.do(`CREATE TABLE lake.%s.orders (id bigint COMMENT 'Number of the order', amount decimal(9,2)) COMMENT 'All orders'`, c.schema)
	c.do(`INSERT INTO lake.%s.orders VALUES (1, 2.50), (2, 3)`, c.schema)
	execute(t, c.postgres, "CREATE SCHEMA "+c.schema,
		"CREATE TABLE "+c.schema+".customers (id int PRIMARY KEY, name text)", "COMMENT ON TABLE "+c.schema+".customers IS 'Who has bought'",
		"CREATE VIEW "+c.schema+".names AS SELECT name FROM "+c.schema+".customers")
	t.Cleanup(func() { execute(t, connect(t, s.PostgresURL), "DROP SCHEMA "+c.schema+" CASCADE") })
	c.makeTopic()
	c.register("key", `{"type":"record","name":"Key","fields":[{"name":"id","type":"long"}]}`)
	c.register("value", `{"type":"record","name":"Value","fields":[{"name":"shipped_`+word+`","type":"string","doc":"When it left"}]}`)
	t.Cleanup(c.unregister)
	c.makeModels()
	return c
}

// do runs a statement in Trino.
func (c *company) do(format string, args ...any) {
	c.t.Helper()
	statement := fmt.Sprintf(format, args...)
	if _, err := c.trino.ExecContext(background(c.t), statement); err != nil {
		c.t.Fatalf("%s: %v", statement, err)
	}
}

// makeTopic makes a topic of three partitions with five messages, two of which a group has not read.
func (c *company) makeTopic() {
	t := c.t
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.stack.Kafka), kgo.DefaultProduceTopic(c.topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MetadataMinAge(20*time.Millisecond), kgo.UnknownTopicRetries(50))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c.kafka = client
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(background(t), 3, 1, nil, c.topic); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = admin.DeleteTopics(background(t), c.topic) })
	c.produce(3)
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.stack.Kafka), kgo.ConsumerGroup(c.group()), kgo.ConsumeTopics(c.topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.ClientID("shipping"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		reader.Close()
		_, _ = admin.DeleteGroups(background(t), c.group())
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for read := 0; read < 3; {
		fetches := reader.PollFetches(ctx)
		if ctx.Err() != nil || fetches.Err() != nil {
			t.Fatal("the group reads nothing: ", ctx.Err(), fetches.Err())
		}
		read += fetches.NumRecords()
	}
	if err := reader.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	c.produce(2)
}

func (c *company) group() string { return c.topic + "-shipping" }

func (c *company) produce(n int) {
	c.t.Helper()
	for i := range n {
		if err := c.kafka.ProduceSync(background(c.t), &kgo.Record{Partition: int32(i % 3), Value: []byte("x")}).FirstErr(); err != nil {
			c.t.Fatal(err)
		}
	}
}

// register adds a version of the schema of the topic's keys or values.
func (c *company) register(part, schema string) {
	c.t.Helper()
	body, _ := json.Marshal(map[string]string{"schema": schema})
	res, err := http.Post(c.stack.Registry+"/subjects/"+c.topic+"-"+part+"/versions", "application/vnd.schemaregistry.v1+json", bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		c.t.Fatalf("register the %s: status %d", part, res.StatusCode)
	}
}

func (c *company) unregister() {
	for _, query := range []string{"", "?permanent=true"} {
		for _, part := range []string{"key", "value"} {
			req, _ := http.NewRequestWithContext(background(c.t), http.MethodDelete, c.stack.Registry+"/subjects/"+c.topic+"-"+part+query, nil)
			if res, err := http.DefaultClient.Do(req); err == nil {
				_ = res.Body.Close()
			}
		}
	}
}

// makeModels writes the manifest of a dbt project whose one model is the Iceberg table.
func (c *company) makeModels() {
	c.t.Helper()
	c.models = openDir(c.t)
	model := map[string]any{
		"database": "lake", "schema": c.schema, "name": "orders", "alias": "orders", "resource_type": "model", "package_name": "shop",
		"path": "orders.sql", "original_file_path": "models/orders.sql", "unique_id": "model.shop.orders", "fqn": []string{"shop", "orders"},
		"config": map[string]any{"materialized": "table"}, "relation_name": `"lake"."` + c.schema + `"."orders"`, "raw_code": "select 1",
		"description": "Orders as dbt builds them", "columns": map[string]any{"amount": map[string]any{"name": "amount", "description": "In euros"}},
		"depends_on": map[string]any{"nodes": []string{}},
	}
	manifest, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "dbt_version": "1.11.16", "project_name": "shop",
			"adapter_type": "trino", "generated_at": "2026-11-21T13:41:48.102564Z",
		},
		"nodes": map[string]any{"model.shop.orders": model}, "sources": map[string]any{}, "exposures": map[string]any{},
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(c.models, "manifest.json"), manifest, 0o600)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// others are patterns that leave all schemas out that do not begin with a prefix. Tests run beside each other in one Trino.
func others(prefix string) string {
	var patterns []string
	for i := range prefix {
		patterns = append(patterns, prefix[:i]+"[^"+prefix[i:i+1]+"]*")
	}
	return `["` + strings.Join(patterns, `", "`) + `"]`
}

// declared are the sources of everything that the company has, read directly and as well secured as there is.
func (c *company) declared() map[string][]string {
	s := c.stack
	postgres := strings.Replace(s.PostgresURL, "postgres@", "postgres:${PG_PASSWORD}@", 1)
	lake := strings.Replace(s.LakeURL, "postgres@", "postgres:${PG_PASSWORD}@", 1)
	return map[string][]string{
		"warehouse": {
			"kind: trino", "title: Warehouse", "url: " + s.TrinoHTTPS, "user: " + s.User, "password: ${TRINO_PASSWORD}", "ca_file: " + s.CA,
			"catalogs: [lake]", "schemas_exclude: " + others(c.prefix), "timeout: 20s", "parallel: 4",
		},
		"events": {
			"kind: kafka", "brokers: " + s.KafkaSASL, "sasl: scram-sha-512", "user: " + s.User, "password: ${KAFKA_PASSWORD}", "ca_file: " + s.CA,
			`include: "` + c.topic + `"`, "timeout: 10s",
		},
		"schemas": {"kind: schemaregistry", "url: " + s.Registry, "kafka: events", `include: "` + c.topic + `*"`, "timeout: 10s"},
		"app":     {"kind: postgres", "url: " + postgres, "schemas: " + c.schema, "statement_timeout: 10s"},
		"lake":    {"kind: iceberg", "catalog: lake", "catalog_url: " + lake},
		"models":  {"kind: dbt", "path: " + c.models, "database_namespace: warehouse"},
	}
}

// everything are the slugs of declared.
var everything = []string{"warehouse", "events", "schemas", "app", "lake", "models"}
