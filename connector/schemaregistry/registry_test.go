package schemaregistry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"portreeve/catalog"
	"portreeve/catalog/catalogtest"
	"portreeve/connector/schemaregistry"
	"portreeve/fault"
	"portreeve/test/stack"
)

// system is a context of the real registry that is the test's own. It implements catalogtest.System with JSON Schema, whose
// names may be anything, or with Avro.
type system struct {
	base    string
	context string
	avro    bool

	mu     sync.Mutex
	tables map[string]catalogtest.Table // by subject
}

func newSystem(tb testing.TB, avro bool) *system {
	tb.Helper()
	return &system{
		base: stack.Of(tb).Registry, context: ".portreeve-" + uuid.NewString()[:8], avro: avro, tables: map[string]catalogtest.Table{},
	}
}

func (s *system) open(tb testing.TB, more map[string]string) catalog.Connection {
	tb.Helper()
	config := map[string]string{"url": s.base, "contexts": s.context}
	maps.Copy(config, more)
	return open(tb, config)
}

func open(tb testing.TB, config map[string]string) catalog.Connection {
	tb.Helper()
	connector := schemaregistry.Connector()
	conn, err := connector.Open(tb.Context(), catalog.Source{Slug: "schemas", Namespace: "schemaregistry://test", Config: config})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (s *system) subject(scope, name string) string {
	return ":" + s.context + ":" + scope + "." + name
}

func (s *system) CreateScope(testing.TB, string) {}

func (s *system) Create(tb testing.TB, scope, name string, table catalogtest.Table) {
	tb.Helper()
	subject := s.subject(scope, name)
	s.mu.Lock()
	s.tables[subject] = table
	s.mu.Unlock()
	kind, text := "JSON", jsonSchemaOf(table)
	if s.avro {
		kind, text = "AVRO", avroOf(table)
	}
	s.register(tb, subject, kind, text)
}

func (s *system) AddColumn(tb testing.TB, scope, name string, column catalogtest.Column) {
	tb.Helper()
	s.mu.Lock()
	table := s.tables[s.subject(scope, name)]
	s.mu.Unlock()
	table.Columns = append(slices.Clone(table.Columns), column)
	s.Create(tb, scope, name, table)
}

func (s *system) Drop(tb testing.TB, scope, name string) {
	tb.Helper()
	s.drop(tb, s.subject(scope, name))
}

// Break registers what Apicurio takes for a JSON Schema and is none.
func (s *system) Break(tb testing.TB, scope, name string) {
	tb.Helper()
	s.Drop(tb, scope, name)
	s.register(tb, s.subject(scope, name), "JSON", `{"$schema": "http://json-schema.org/draft-07/schema#",
 "type": 17}`)
}

func (s *system) Append(tb testing.TB, _, _ string, _ ...int64) {
	tb.Helper()
	tb.Fatal("a registry holds no rows")
}

func (s *system) Overwrite(tb testing.TB, scope, name string, ids ...int64) {
	tb.Helper()
	s.Append(tb, scope, name, ids...)
}

func (s *system) Rename(tb testing.TB, _, _, _ string) {
	tb.Helper()
	tb.Fatal("a subject cannot be renamed")
}

// register adds a version to a subject, which is deleted when the test ends.
func (s *system) register(tb testing.TB, subject, kind, text string, references ...catalog.SchemaReference) {
	tb.Helper()
	body := map[string]any{"schema": text, "schemaType": kind, "references": references}
	if status, answer := s.call(tb, http.MethodPost, "/subjects/"+url.PathEscape(subject)+"/versions", body); status != http.StatusOK {
		tb.Fatalf("register %q: HTTP %d %.300s", subject, status, answer)
	}
	tb.Cleanup(func() { s.drop(tb, subject) })
}

func (s *system) drop(tb testing.TB, subject string) {
	tb.Helper()
	s.call(tb, http.MethodDelete, "/subjects/"+url.PathEscape(subject), nil)
	s.call(tb, http.MethodDelete, "/subjects/"+url.PathEscape(subject)+"?permanent=true", nil)
}

func (s *system) call(tb testing.TB, method, path string, body any) (status int, answer []byte) {
	tb.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequest(method, s.base+path, bytes.NewReader(text)) // also in Cleanup, when tb's context has ended
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp.StatusCode, answer
}

// quoted writes text as JSON does, with every character as it is.
func quoted(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text cannot fail
	return strings.TrimSpace(b.String())
}

var jsonTypes = map[catalogtest.Type]string{
	catalogtest.Long: `"type": "integer"`, catalogtest.Text: `"type": "string"`, catalogtest.Double: `"type": "number"`,
	catalogtest.Bool: `"type": "boolean"`, catalogtest.Date: `"type": "string", "format": "date"`,
	catalogtest.Instant: `"type": "string", "format": "date-time"`, catalogtest.List: `"type": "array", "items": {"type": "string"}`,
}

func jsonSchemaOf(table catalogtest.Table) string {
	text := `{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", ` + jsonProperties(table.Columns)
	if table.Comment != "" {
		text += `, "description": ` + quoted(table.Comment)
	}
	return text + "}"
}

func jsonProperties(columns []catalogtest.Column) string {
	var properties, required []string
	for _, c := range columns {
		spelled := jsonTypes[c.Type]
		if len(c.Fields) > 0 {
			spelled = `"type": "object", ` + jsonProperties(c.Fields)
		}
		if c.Type == catalogtest.StructList {
			spelled = `"type": "array", "items": {` + spelled + "}"
		}
		if c.Comment != "" {
			spelled += `, "description": ` + quoted(c.Comment)
		}
		properties = append(properties, quoted(c.Name)+": {"+spelled+"}")
		if c.Required {
			required = append(required, quoted(c.Name))
		}
	}
	return `"properties": {` + strings.Join(properties, ", ") + `}, "required": [` + strings.Join(required, ", ") + `]`
}

var avroTypes = map[catalogtest.Type]string{
	catalogtest.Long: `"long"`, catalogtest.Text: `"string"`, catalogtest.Double: `"double"`, catalogtest.Bool: `"boolean"`,
	catalogtest.Date:    `{"type": "int", "logicalType": "date"}`,
	catalogtest.Instant: `{"type": "long", "logicalType": "timestamp-millis"}`,
	catalogtest.Decimal: `{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}`,
	catalogtest.List:    `{"type": "array", "items": "string"}`,
}

func avroOf(table catalogtest.Table) string {
	var fields []string
	for _, c := range table.Columns {
		text := fmt.Sprintf(`{"name": %s, "type": ["null", %s], "default": null, "doc": %s}`, quoted(c.Name), avroTypes[c.Type], quoted(c.Comment))
		if c.Required {
			text = fmt.Sprintf(`{"name": %s, "type": %s, "doc": %s}`, quoted(c.Name), avroTypes[c.Type], quoted(c.Comment))
		}
		fields = append(fields, text)
	}
	return fmt.Sprintf(`{"type": "record", "name": "Row", "namespace": "test", "doc": %s, "fields": [%s]}`,
		quoted(table.Comment), strings.Join(fields, ", "))
}

func TestConformanceOfJSONSchema(t *testing.T) {
	t.Parallel()
	s := newSystem(t, false)
	catalogtest.Crawler(t, catalogtest.Fixture{
		Connection: s.open(t, nil), System: s, Flat: "subjects", Kind: catalog.Schema, Name: s.subject,
		Types: map[catalogtest.Type]string{
			catalogtest.Long: "integer", catalogtest.Text: "string", catalogtest.Double: "number", catalogtest.Bool: "boolean",
			catalogtest.Date: "string(date)", catalogtest.Instant: "string(date-time)", catalogtest.List: "array<string>",
			catalogtest.Struct: "object", catalogtest.StructList: "array<object>",
		},
		Comments: true, Required: true, Versions: true,
	})
}

func TestConformanceOfAvro(t *testing.T) {
	t.Parallel()
	s := newSystem(t, true)
	catalogtest.Crawler(t, catalogtest.Fixture{
		Connection: s.open(t, nil), System: s, Flat: "subjects", Kind: catalog.Schema, Name: s.subject,
		OddNames: []string{"Twin", "twin", "TWIN", "_"},
		Types: map[catalogtest.Type]string{
			catalogtest.Long: "long", catalogtest.Text: "string", catalogtest.Double: "double", catalogtest.Bool: "boolean",
			catalogtest.Date: "date", catalogtest.Instant: "timestamp-millis", catalogtest.List: "array<string>",
			catalogtest.Decimal: "decimal(9,2)",
		},
		Comments: true, Required: true, Versions: true,
	})
}

func wantField(t *testing.T, config map[string]string, field string) {
	t.Helper()
	connector := schemaregistry.Connector()
	_, err := connector.Open(t.Context(), catalog.Source{Config: config})
	var bad *fault.Error
	if !errors.As(err, &bad) || bad.Kind != fault.Invalid || bad.Field != field {
		t.Errorf("%v: error %v, want one about %s", config, err, field)
	}
}

// TestVersionsAndReferences registers schemas that refer to each other and change, in all formats.
func TestVersionsAndReferences(t *testing.T) {
	t.Parallel()
	s := newSystem(t, true)
	prefix := ":" + s.context + ":"
	s.register(t, prefix+"person", "AVRO", `{"type":"record","name":"Person","namespace":"x","fields":[{"name":"name","type":"string"}]}`)
	s.register(t, prefix+"deeds-value", "AVRO", `{"type":"record","name":"Deed","namespace":"x","fields":[{"name":"id","type":"long"}]}`)
	s.register(t, prefix+"deeds-value", "AVRO", `{"type":"record","name":"Deed","namespace":"x","fields":[{"name":"id","type":"long"},{"name":"who","type":"Person"}]}`,
		catalog.SchemaReference{Name: "x.Person", Subject: prefix + "person", Version: 1})
	s.register(t, prefix+"geo.proto", "PROTOBUF", `syntax = "proto3"; package geo; message Place { double lat = 1; }`)
	s.register(t, prefix+"trips-key", "PROTOBUF", `syntax = "proto3"; import "geo.proto"; message Trip { geo.Place from = 1; }`,
		catalog.SchemaReference{Name: "geo.proto", Subject: prefix + "geo.proto", Version: 1})
	if status, answer := s.call(t, http.MethodPut, "/config/"+url.PathEscape(prefix+"trips-key"), map[string]string{"compatibility": "FULL"}); status != 200 {
		t.Fatalf("HTTP %d %s", status, answer)
	}
	c := crawl(t.Context(), s.open(t, map[string]string{"kafka": "kafka://k:9092", "exclude": "*:person"}), nil)
	if c.end != nil || len(c.failed) > 0 || len(c.seen) != 3 {
		t.Fatalf("%d subjects, errors %v, %v", len(c.seen), c.failed, c.end)
	}
	deeds, trips := c.seen[prefix+"deeds-value"], c.seen[prefix+"trips-key"]
	if got, want := paths(deeds), "id who who.name"; got != want {
		t.Errorf("the columns of deeds are %s, want %s", got, want)
	}
	if got, want := paths(trips), "from from.lat"; got != want {
		t.Errorf("the columns of trips are %s, want %s", got, want)
	}
	d := deeds.Detail.Schema
	if len(d.Versions) != 2 || d.Versions[0].Version != 2 || len(d.Versions[0].References) != 1 || d.Part != "value" || d.Format != "AVRO" || !d.Inherited {
		t.Errorf("the detail of deeds is %+v", d)
	}
	if d := trips.Detail.Schema; d.Compatibility != "FULL" || d.Inherited || d.Part != "key" {
		t.Errorf("the detail of trips is %+v", d)
	}
	want := catalog.Identifier{Namespace: "kafka://k:9092", Name: "trips", Part: "key", Rule: "the subject's name says so (TopicNameStrategy)"}
	if !slices.Contains(trips.Identifiers, want) {
		t.Errorf("trips is known as %+v", trips.Identifiers)
	}
}

func paths(o catalog.Observation) string {
	var out []string
	for _, c := range o.Columns {
		out = append(out, c.Path)
	}
	return strings.Join(out, " ")
}
