package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"portreeve/catalog"
)

// crawlOf reads scopes into a source, whose other settings stay as they are.
func (s *site) crawlOf(slug string, scopes scopesOf) catalog.Crawl {
	s.t.Helper()
	tx, err := s.db.Begin(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	id, _, err := catalog.OpenCrawl(s.t.Context(), tx, slug, "Test")
	if err == nil {
		err = tx.Commit(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	run, err := catalog.Sync(s.t.Context(), s.Catalog, id, scopes, func() time.Time { return s.now }, s.Log)
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

// platform reads a company's systems into the portal: a lake that Trino serves and dbt describes, a broker with a registry, a
// database, and a dashboard.
func (s *site) platform() {
	s.t.Helper()
	for slug, kind := range map[string]string{"events": "kafka", "events-registry": "schemaregistry", "dbt": "dbt", "shop": "postgres", "trino": "trino"} {
		s.source(catalog.Source{Slug: slug, Kind: kind, Title: slug, CrawlEvery: time.Hour})
	}
	s.crawl(scopesOf{"sales": {ordersTable(s.now)}})
	s.crawlOf("trino", scopesOf{"lake": {ordersServed()}, "pg": {ordersView()}})
	s.crawlOf("dbt", scopesOf{"shop": {ordersModel(s.now), revenue()}})
	s.crawlOf("events", scopesOf{"": {ordersTopic(s.now), {Name: "empty", Kind: catalog.Topic, Detail: catalog.Detail{Topic: &catalog.TopicDetail{
		Replication: 1, CleanupPolicy: "compact", Partitions: []catalog.Partition{{Replicas: []int32{1}, InSync: []int32{1}}},
	}}}}})
	s.crawlOf("events-registry", scopesOf{".": subjects()})
	s.crawlOf("shop", scopesOf{"public": database()})
}

func also(namespace, name, rule, part string) catalog.Identifier {
	return catalog.Identifier{Namespace: namespace, Name: name, Rule: rule, Part: part}
}

var ordersFiles = also("file", "/lake/sales/orders", "both have their files there", "")

func ordersTable(now time.Time) catalog.Observation {
	o := catalog.Observation{
		Name: "sales.orders", Kind: catalog.Table, Format: "parquet", Location: "file:///lake/sales/orders", SnapshotID: "77",
		RowCount: new(int64(120_400)), ByteCount: new(int64(9_100_000)), FileCount: new(int64(4)), DataAt: new(now.Add(-2 * time.Hour)),
		Partitioning: []string{"day(ordered_at)"}, Identifiers: []catalog.Identifier{ordersFiles},
		Columns: []catalog.Column{{Path: "id", Type: "long"}, {Path: "customer", Type: "string", Nullable: true}, {Path: "ordered_at", Type: "timestamptz", Comment: "When it was placed"}},
		Detail:  catalog.Detail{Refs: []catalog.TableRef{{Name: "audit", Kind: "branch", SnapshotID: "76"}, {Name: "before-vat", Kind: "tag", SnapshotID: "70"}}},
	}
	for i := range 6 {
		o.Snapshots = append(o.Snapshots, catalog.Snapshot{
			ID: strconv.Itoa(72 + i), At: now.Add(-2*time.Hour - time.Duration(5-i)*24*time.Hour), Operation: "append",
			AddedRows: new(int64(20_000 + 100*i)), TotalRows: new(int64(20_000 * (i + 1))),
		})
	}
	return o
}

func ordersServed() catalog.Observation {
	return catalog.Observation{
		Name: "lake.sales.orders", Kind: catalog.Table, Standing: catalog.Serves, RowCount: new(int64(120_400)),
		Identifiers: []catalog.Identifier{ordersFiles, also("trino://trino:8080", "lake.sales.orders", "its name in Trino", "")},
		Columns:     []catalog.Column{{Path: "id", Type: "bigint", Comment: "Number of the order"}, {Path: "customer", Type: "varchar"}},
	}
}

func ordersView() catalog.Observation {
	return catalog.Observation{
		Name: "pg.public.open_orders", Kind: catalog.View, Standing: catalog.Serves,
		Definition: "SELECT o.id, 'it''s <b>' AS note -- of those that are open\nFROM orders o\nWHERE o.closed_at IS NULL\n",
		Columns:    []catalog.Column{{Path: "id", Type: "bigint"}, {Path: "note", Type: "varchar"}},
	}
}

func ordersModel(now time.Time) catalog.Observation {
	ran := now.Add(-3 * time.Hour)
	return catalog.Observation{
		Name: "shop.orders", Kind: catalog.Model, Standing: catalog.Describes, NativeID: "model.shop.orders", Team: "sales", Tags: []string{"core"},
		Description: "One row per order, cancelled ones among them.", Definition: "{{ config(materialized='table') }}\nselect * from {{ ref('stg_orders') }}",
		Identifiers: []catalog.Identifier{also("trino://trino:8080", "lake.sales.orders", "dbt builds it there", "")},
		Columns:     []catalog.Column{{Path: "customer", Type: "", Comment: "Who ordered"}},
		Detail: catalog.Detail{Model: &catalog.ModelDetail{
			Resource: "model", UniqueID: "model.shop.orders", Package: "shop", Path: "models/orders.sql", Materialized: "table", Relation: `"lake"."sales"."orders"`,
			Adapter: "trino", DependsOn: []string{"source.shop.raw.stg_orders", "exposure.shop.revenue"}, OwnerName: "Ann", OwnerEmail: "ann@example.com", GeneratedAt: &ran,
			Run: &catalog.ModelRun{Status: "success", Seconds: 4.2, Rows: new(int64(120_400)), At: &ran},
			Tests: []catalog.ModelTest{
				{Name: "not_null_orders_id", Kind: "not_null", Column: "id", Status: "pass", Failures: new(int64(0)), RanAt: &ran},
				{Name: "unique_orders_id", Kind: "unique", Column: "id", Status: "fail", Failures: new(int64(3)), Message: "Got 3 results, configured to fail if != 0", RanAt: &ran},
				{Name: "orders_are_paid", Severity: "warn", Status: "warn", Failures: new(int64(11)), RanAt: &ran},
				{Name: "accepted", Kind: "accepted_values", Column: "state"},
			},
		}},
	}
}

func revenue() catalog.Observation {
	return catalog.Observation{
		Name: "shop.revenue", NativeID: "exposure.shop.revenue", Kind: catalog.Dashboard, Standing: catalog.Describes, Title: "Revenue", Description: "What comes in, by week.",
		Detail: catalog.Detail{Model: &catalog.ModelDetail{
			Resource: "exposure", UniqueID: "exposure.shop.revenue", URL: "https://bi.example.com/d/7?a=1&b=2", OwnerEmail: "bo@example.com", Maturity: "high",
			DependsOn: []string{"model.shop.orders"},
		}},
	}
}

const kafkaCluster = "kafka://broker:9092"

func ordersTopic(now time.Time) catalog.Observation {
	t := &catalog.TopicDetail{
		Replication: 3, MinInSync: 2, CleanupPolicy: "delete", RetentionMS: new(int64(604_800_000)), RetentionBytes: new(int64(-1)),
		Configs: []catalog.Setting{{Name: "retention.ms", Value: "604800000"}}, Notes: []string{"sizes of broker 3 are not known: it did not answer"},
	}
	for i := range int32(6) {
		t.Partitions = append(t.Partitions, catalog.Partition{
			ID: i, Leader: 1 + i%3, Replicas: []int32{1, 2, 3}, InSync: []int32{1, 2, 3}, Start: 1000, End: 1000 + 400*int64(i+1), Bytes: new(81_920 * int64(i+1)),
		})
	}
	t.Partitions[2].InSync = []int32{1, 2}
	t.Partitions[4].Leader, t.Partitions[4].InSync, t.Partitions[4].Bytes = -1, nil, nil
	t.Partitions[5].InSync = []int32{3}
	t.Groups = []catalog.GroupOnTopic{
		{Name: "archive", Protocol: "classic", State: "Empty", Lag: new(int64(8400)), Offsets: []catalog.GroupOffset{{Partition: 0, Committed: -1, Lag: 400}, {Partition: 1, Committed: 1000, Lag: 8000}}},
		{Name: "billing", Protocol: "consumer", State: "Stable", Lag: new(int64(12)), Members: []catalog.GroupMember{
			{ClientID: "billing-a", Host: "/10.0.0.7", Partitions: []int32{2, 0, 1}}, {ClientID: "billing-b", Host: "/10.0.0.8", Partitions: []int32{3, 4, 5}},
		}},
		{Name: "secret", Protocol: "share", State: "", Problem: "the user portreeve may not describe this group"},
	}
	for i := range 48 {
		from := now.Truncate(time.Hour).Add(time.Duration(i-47) * time.Hour)
		t.Volume = append(t.Volume, catalog.Volume{From: from, To: from.Add(time.Hour), Rows: int64(100 + 37*(i*7%11))})
	}
	return catalog.Observation{
		Name: "orders", Kind: catalog.Topic, RowCount: new(int64(8400)), Estimated: []string{"rows"}, ByteCount: new(int64(1_228_800)), DataAt: new(now.Add(-4 * time.Minute)),
		Identifiers: []catalog.Identifier{also(kafkaCluster, "orders", "both name this topic of this cluster", "")}, Detail: catalog.Detail{Topic: t},
	}
}

// subjects are the schemas of the value and the key of a topic, and one that others use.
func subjects() []catalog.Observation {
	text := func(version int) string {
		fields := []string{`{"name":"id","type":"long"}`, `{"name":"customer","type":"string","doc":"Who <b>ordered</b>"}`}
		for i := range version {
			fields = append(fields, fmt.Sprintf(`{"name":"extra_%d","type":["null","string"],"default":null}`, i))
		}
		return `{"type":"record","name":"Order","namespace":"shop","fields":[` + strings.Join(fields, ",") + `]}`
	}
	value := &catalog.SchemaDetail{Subject: "orders-value", Format: "AVRO", Compatibility: "BACKWARD", Inherited: true, Part: "value"}
	for v := 3; v > 0; v-- {
		value.Versions = append(value.Versions, catalog.SchemaVersion{Version: v, ID: 100 + v, Text: text(v)})
	}
	value.Versions[0].References = []catalog.SchemaReference{{Name: "shop.Money", Subject: "money", Version: 1}, {Name: "x", Subject: "nowhere", Version: 2}}
	key := &catalog.SchemaDetail{Subject: "orders-key", Format: "AVRO", Compatibility: "FULL", Part: "key", Versions: []catalog.SchemaVersion{{Version: 1, ID: 7, Text: `"long"`}}}
	money := &catalog.SchemaDetail{Subject: "money", Format: "PROTOBUF", Compatibility: "NONE", Versions: []catalog.SchemaVersion{{Version: 1, ID: 5, Text: "syntax = \"proto3\";\n// an amount\nmessage Money {\n  int64 micros = 1;\n}\n"}}}
	topic := func(part string) []catalog.Identifier {
		return []catalog.Identifier{also(kafkaCluster, "orders", "the subject's name says so (TopicNameStrategy)", part)}
	}
	return []catalog.Observation{
		{Name: "orders-value", Kind: catalog.Schema, Standing: catalog.Describes, Description: "An order as it was placed.", Identifiers: topic("value"), Detail: catalog.Detail{Schema: value}, Columns: []catalog.Column{
			{Path: "id", Type: "long"}, {Path: "customer", Type: "string", Comment: "Who ordered"},
		}},
		{Name: "orders-key", Kind: catalog.Schema, Standing: catalog.Describes, Identifiers: topic("key"), Detail: catalog.Detail{Schema: key}, Columns: []catalog.Column{{Path: "id", Type: "long"}}},
		{Name: "money", Kind: catalog.Schema, Standing: catalog.Describes, Detail: catalog.Detail{Schema: money}, Columns: []catalog.Column{{Path: "micros", Type: "int64"}}},
	}
}

func database() []catalog.Observation {
	return []catalog.Observation{
		{Name: "public.customers", Kind: catalog.Table, RowCount: new(int64(5000)), Columns: []catalog.Column{{Path: "id", Type: "bigint"}}},
		{
			Name: "public.orders", Kind: catalog.Table, RowCount: new(int64(1_203_000)), Estimated: []string{"rows"}, ByteCount: new(int64(88_000_000)), Description: "Orders of the shop.",
			Columns: []catalog.Column{{Path: "id", Type: "bigint"}, {Path: "customer_id", Type: "bigint"}},
			Detail: catalog.Detail{Keys: []catalog.TableKey{
				{Name: "orders_created", Kind: "index", Columns: []string{"created_at"}, Text: "CREATE INDEX orders_created ON public.orders USING btree (created_at)"},
				{Name: "orders_customer_fkey", Kind: "foreign key", Columns: []string{"customer_id"}, References: "public.customers (id)"},
				{Name: "orders_pkey", Kind: "primary key", Columns: []string{"id"}},
				{Name: "orders_shop_fkey", Kind: "foreign key", Columns: []string{"shop"}, References: "other.shops (id)"},
			}},
		},
	}
}
