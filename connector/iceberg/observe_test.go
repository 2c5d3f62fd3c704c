package iceberg_test

import (
	"testing"

	icebergo "github.com/apache/iceberg-go"
	icebergcatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portreeve/catalog"
	"portreeve/connector/iceberg"
)

// field makes a field; ids are those of the test's choice, which iceberg-go keeps if they count up from 1.
func field(id int, name string, kind icebergo.Type) icebergo.NestedField {
	return icebergo.NestedField{ID: id, Name: name, Type: kind}
}

func TestObservationOfATable(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	schema := icebergo.NewSchema(0,
		field(1, "id", icebergo.PrimitiveTypes.Int64),
		field(2, "at", icebergo.PrimitiveTypes.TimestampTz),
		field(3, "name", icebergo.PrimitiveTypes.String),
		field(4, "origin", icebergo.PrimitiveTypes.String),
		field(5, "counts", &icebergo.MapType{
			KeyID: 6, KeyType: icebergo.PrimitiveTypes.String, ValueID: 7, ValueType: icebergo.PrimitiveTypes.Int32,
		}),
	)
	spec := icebergo.NewPartitionSpec(
		icebergo.PartitionField{SourceIDs: []int{2}, FieldID: 1000, Name: "at_month", Transform: icebergo.MonthTransform{}},
		icebergo.PartitionField{SourceIDs: []int{1}, FieldID: 1001, Name: "id_bucket", Transform: icebergo.BucketTransform{NumBuckets: 16}},
		icebergo.PartitionField{SourceIDs: []int{3}, FieldID: 1002, Name: "name_trunc", Transform: icebergo.TruncateTransform{Width: 4}},
		icebergo.PartitionField{SourceIDs: []int{4}, FieldID: 1003, Name: "origin", Transform: icebergo.IdentityTransform{}},
	)
	order, err := table.NewSortOrder(1, []table.SortField{
		{SourceIDs: []int{4}, Transform: icebergo.IdentityTransform{}, Direction: table.SortASC, NullOrder: table.NullsFirst},
		{SourceIDs: []int{2}, Transform: icebergo.DayTransform{}, Direction: table.SortDESC, NullOrder: table.NullsLast},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.create(t, "s", "events", schema, icebergcatalog.WithPartitionSpec(&spec), icebergcatalog.WithSortOrder(order),
		icebergcatalog.WithProperties(icebergo.Properties{
			iceberg.CommentProperty: "What happened.", iceberg.TitleProperty: "Events", iceberg.TeamProperty: " ops ", "owner": "nobody",
			iceberg.DomainProperty: "sales", iceberg.TagsProperty: "a, b,,a", iceberg.CertifiedProperty: "true",
			iceberg.DeprecatedProperty: "Use other.", "app.color": "green", "s3.secret-access-key": "hidden", "App.Password": "hidden",
			"session_key": "hidden", "upstream": "postgres://u:hidden@db/app",
		}))
	got, err := l.one(t, "s")
	if err != nil {
		t.Fatal(err)
	}
	want := catalog.Observation{
		Name: "s.events", Kind: catalog.Table, Title: "Events", Description: "What happened.", Team: "ops", Domain: "sales",
		Tags: []string{"a", "b"}, Certified: true, Deprecated: "Use other.", Format: "parquet",
		Partitioning: []string{"month(at)", "bucket(16, id)", "truncate(4, name)", "origin"},
		SortOrder:    []string{"origin asc nulls first", "day(at) desc nulls last"},
		Properties:   map[string]string{"app.color": "green", "owner": "nobody", "upstream": "postgres://db/app"},
		RowCount:     new(int64), ByteCount: new(int64), FileCount: new(int64), // nothing was ever written
		Columns: []catalog.Column{
			{Path: "id", Type: "long", Nullable: true, NativeID: "1"},
			{Path: "at", Type: "timestamptz", Nullable: true, NativeID: "2"},
			{Path: "name", Type: "string", Nullable: true, NativeID: "3"},
			{Path: "origin", Type: "string", Nullable: true, NativeID: "4"},
			{Path: "counts", Type: "map<string, int>", Nullable: true, NativeID: "5"},
			{Path: "counts.key", Type: "string", NativeID: "6"},
			{Path: "counts.value", Type: "int", Nullable: true, NativeID: "7"},
		},
	}
	ignored := cmpopts.IgnoreFields(catalog.Observation{}, "NativeID", "Location", "Version", "Identifiers")
	if id := got.Identifiers; len(id) != 1 || id[0].Namespace != "file" || "file://"+id[0].Name != got.Location {
		t.Errorf("identifiers %v of a table at %s", id, got.Location)
	}
	if diff := cmp.Diff(want, got, ignored, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("observation (-want +got):\n%s", diff)
	}
}

func TestOwnerIsTheTeamOfATableWithout(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	l.create(t, "s", "events", icebergo.NewSchema(0, field(1, "id", icebergo.PrimitiveTypes.Int64)),
		icebergcatalog.WithProperties(icebergo.Properties{"owner": "ops", iceberg.CertifiedProperty: "no idea"}))
	if got, err := l.one(t, "s"); err != nil || got.Team != "ops" || got.Certified {
		t.Errorf("team %q, certified %v, error %v; want ops and not certified", got.Team, got.Certified, err)
	}
}

func TestViewsAreDatasetsWithoutRows(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	schema := icebergo.NewSchema(0, field(1, "id", icebergo.PrimitiveTypes.Int64))
	p := icebergo.Properties{iceberg.CommentProperty: "A view."}
	if err := l.to.CreateView(t.Context(), table.Identifier{"s", "v"}, schema, "SELECT 1 AS id", p); err != nil {
		t.Fatal(err)
	}
	got, err := l.one(t, "s")
	if err != nil {
		t.Fatal(err)
	}
	if got.Kind != catalog.View || got.Description != "A view." || len(got.Columns) != 1 || got.NativeID == "" {
		t.Errorf("observation of a view: %+v", got)
	}
	_, err = l.conn.Planner.Plan(t.Context(), "s.v")
	wantUnavailable(t, err, "view")
}

func TestNamespacesMayBeNested(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	schema := icebergo.NewSchema(0, field(1, "id", icebergo.PrimitiveTypes.Int64))
	for _, namespace := range []table.Identifier{{"a", "b"}, {"dotted.name"}, {"plain"}} {
		if err := l.to.CreateNamespace(t.Context(), namespace, nil); err != nil {
			t.Fatal(err)
		}
		at := icebergcatalog.WithLocation("file://" + t.TempDir())
		if _, err := l.to.CreateTable(t.Context(), append(namespace, "t"), schema, at); err != nil {
			t.Fatal(err)
		}
	}
	scopes, err := l.conn.Crawler.Scopes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, scope := range scopes {
		o, err := l.one(t, scope)
		if err != nil {
			t.Error(err)
		}
		names = append(names, o.Name)
		if found, err := l.conn.Crawler.Has(t.Context(), o.Name); err != nil || !found {
			t.Errorf("Has(%s) = %v, %v", o.Name, found, err)
		}
	}
	sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	if diff := cmp.Diff([]string{"a.b.t", `"dotted.name".t`, "plain.t"}, names, sorted); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a.b", `"dotted.name"`, "plain"}, scopes, sorted); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
}
