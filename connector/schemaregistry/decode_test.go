package schemaregistry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// written decodes a schema and writes its columns, one a line: path, type, ? if it can be null, id and comment.
func written(t *testing.T, format, text, subject string, files ...file) string {
	t.Helper()
	s, err := decoders[format](text, files, subject)
	if err != nil {
		t.Fatal(err)
	}
	list, whole := columns(&s, "value")
	if !whole {
		t.Error("some columns were left out")
	}
	var b strings.Builder
	b.WriteString(strings.TrimSpace(s.record+" | "+s.description) + "\n")
	for _, c := range list {
		null, id, comment := "", "", ""
		if c.Nullable {
			null = "?"
		}
		if c.NativeID != "" {
			id = " #" + c.NativeID
		}
		if c.Comment != "" {
			comment = " -- " + c.Comment
		}
		fmt.Fprintf(&b, "%s %s%s%s%s\n", c.Path, c.Type, null, id, comment)
	}
	return strings.TrimSpace(b.String())
}

type decodeCase struct {
	name, format, text, want string
	subject                  string
	files                    []file
}

func decodeCases() []decodeCase {
	return append(append(avroCases(), jsonCases()...), protoCases()...)
}

func avroCases() []decodeCase {
	return []decodeCase{
		{
			name: "a record with everything", format: avroFormat, text: `{"type":"record","name":"Order","namespace":"shop","doc":"An order.","fields":[
			{"name":"id","type":"long","doc":"Its number.","default":0},
			{"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
			{"name":"sum","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}],"default":null},
			{"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","PAID"]}},
			{"name":"hash","type":{"type":"fixed","name":"Hash","size":16}},
			{"name":"text","type":{"type":"string","avro.java.string":"String"}},
			{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"sku","type":"string"}]}}},
			{"name":"last","type":["null","Line"]},
			{"name":"marks","type":{"type":"map","values":"State"}},
			{"name":"either","type":["string","long"]}]}`,
			want: `shop.Order | An order.
id long -- Its number. (default: 0)
at timestamp-micros
sum decimal(9,2)?
state enum(NEW, PAID)
hash fixed(16)
text string
lines array<record>
lines.element record
lines.element.sku string
last record?
last.sku string
marks map<enum(NEW, PAID)>
marks.key string
marks.value enum(NEW, PAID)
either one of string, long`,
		},
		{
			name: "a type that holds itself", format: avroFormat,
			text: `{"type":"record","name":"Node","fields":[{"name":"left","type":["null","Node"]},{"name":"all","type":{"type":"array","items":"Node"}}]}`,
			want: `Node |
left record (recursive)?
all array<record>
all.element record (recursive)`,
		},
		{
			name: "names of other schemas, in the namespace or not", format: avroFormat,
			text: `{"type":"record","name":"a.b.Order","fields":[{"name":"who","type":"Person"},{"name":"where","type":"geo.Place"},{"name":"what","type":"Nobody"}]}`,
			files: []file{
				{"a.b.Person", `{"type":"record","name":"Person","namespace":"a.b","fields":[{"name":"home","type":"geo.Place"}]}`},
				{"geo.Place", `{"type":"record","name":"geo.Place","fields":[{"name":"lat","type":"double"}]}`},
			},
			want: `a.b.Order |
who record
who.home record
who.home.lat double
where record
where.lat double
what Nobody`,
		},
		{
			name: "several events in one topic", format: avroFormat, text: `["x.Made","x.Gone"]`,
			files: []file{
				{"x.Made", `{"type":"record","name":"x.Made","doc":"New.","fields":[{"name":"id","type":"int"}]}`},
				{"x.Gone", `{"type":"record","name":"x.Gone","fields":[{"name":"id","type":"int"}]}`},
			},
			want: `|
Made record? -- New.
Made.id int
Gone record?
Gone.id int`,
		},
		{name: "no record at all", format: avroFormat, text: `"string"`, want: "|\nvalue string"},
		{name: "a bare name", format: avroFormat, text: ` long `, want: "|\nvalue long"},
		{name: "a record without fields", format: avroFormat, text: `{"type":"record","name":"None","fields":[]}`, want: "None |"},
	}
}

func jsonCases() []decodeCase {
	return []decodeCase{
		{
			name: "an object with everything", format: jsonFormat, text: `{"$id":"https://x.test/order.json","title":"Order","description":"An order.","type":"object",
			"properties":{"id":{"type":"integer","description":"Its number.","default":0},"z":{"$ref":"#/definitions/place"},
			"a":{"oneOf":[{"type":"null"},{"type":"string","format":"date-time"}]},"list":{"type":"array","items":{"$ref":"#/definitions/place"}},
			"either":{"oneOf":[{"title":"Card","type":"object","properties":{"no":{"type":"string"}}},{"type":"integer"}]},
			"state":{"enum":["new","paid",null]},"map":{"type":"object","additionalProperties":{"type":"number"}},
			"both":{"allOf":[{"$ref":"#/definitions/place"},{"properties":{"name":{"const":"x"}},"required":["name"]}]},
			"far":{"$ref":"far.json#/$defs/f"},"nowhere":{"$ref":"none.json"},"mixed":{"type":["string","integer","null"]},"free":true},
			"required":["id","mixed","list"],
			"definitions":{"place":{"type":"object","description":"Where.","properties":{"lat":{"type":"number"}},"required":["lat"]}}}`,
			files: []file{{"https://x.test/far.json", `{"$defs":{"f":{"type":"boolean"}}}`}},
			want: `Order | An order.
id integer -- Its number. (default: 0)
z object? -- Where.
z.lat number
a string(date-time)?
list array<object>
list.element object -- Where.
list.element.lat number
either one of object, integer?
either.Card object?
either.Card.no string?
state enum(new, paid, null)?
map map<number>?
map.key string
map.value number
both object? -- Where.
both.lat number
both.name const(x)
far boolean?
nowhere none.json?
mixed one of string, integer?
free any?`,
		},
		{
			name: "a schema that holds itself", format: jsonFormat,
			text: `{"type":"object","properties":{"v":{"type":"string"},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}}}`,
			want: `|
v string?
next object (recursive)?`,
		},
		{
			name: "circles", format: jsonFormat, text: `{"properties":{"a":{"$ref":"#/properties/b"},"b":{"$ref":"#/properties/a"},"c":{"allOf":[{"$ref":"#/properties/c"}]}}}`,
			want: "|\na #/properties/b?\nb #/properties/a?\nc any?",
		},
		{
			name: "an array at the top", format: jsonFormat, text: `{"type":"array","items":{"type":"string"}}`,
			want: "|\nvalue array<string>\nvalue.element string",
		},
	}
}

const shopProto = `syntax = "proto3";
package shop.v1; // the shop
import "google/protobuf/timestamp.proto";
import "geo.proto";
import "buf/validate/validate.proto";

// An order
// of a customer.
message Order {
  option (owner) = "x";
  // Its number: "1 < 2".
  int64 id = 1 [(buf.validate.field).int64.gt = 0];
  optional string note = 2; // free text
  repeated Line lines = 3;
  map<string, geo.Place> places = 4;
  google.protobuf.Timestamp at = 5;
  oneof payment { Card card = 6; string voucher = 7; }
  State state = 8;
  Order parent = 9;
  other.Unknown what = 10;
  message Line { string sku = 1; repeated int32 counts = 2; }
  enum State { STATE_UNSPECIFIED = 0; PAID = 1; }
}
message Card { string no = 1; }
`

func protoCases() []decodeCase {
	return []decodeCase{
		{
			name: "a message with everything", format: protoFormat, text: shopProto,
			files: []file{{"geo.proto", `syntax = "proto3"; package geo; message Place { double lat = 1; }`}},
			want: `shop.v1.Order | An order
of a customer.
id int64 #1 -- Its number: "1 < 2".
note string? #2 -- free text
lines repeated message #3
lines.element message #3.e
lines.element.sku string #3.e.1
lines.element.counts repeated int32 #3.e.2
lines.element.counts.element int32 #3.e.2.e
places map<string, message> #4
places.key string #4.k
places.value message #4.v
places.value.lat double #4.v.1
at google.protobuf.Timestamp? #5
card message (one of payment)? #6
card.no string #6.1
voucher string (one of payment)? #7
state enum(STATE_UNSPECIFIED, PAID) #8
parent message (recursive)? #9
what other.Unknown? #10`,
		},
		{
			name: "the message that the subject names", format: protoFormat, text: shopProto, subject: "orders-shop.v1.Card",
			want: "shop.v1.Card |\nno string #1",
		},
		{name: "proto2", format: protoFormat, text: `message A { required int32 a = 1; optional int32 b = 2; }`, want: "A |\na int32 #1\nb int32? #2"},
		{name: "only a service", format: protoFormat, text: `syntax = "proto3"; enum E { A = 0; }`, want: "|"},
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tt := range decodeCases() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := written(t, tt.format, tt.text, tt.subject, tt.files...)
			if diff := cmp.Diff(strings.TrimSpace(tt.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("message A {\n", 100) + strings.Repeat("}", 100)
	for _, tt := range []struct{ name, format, text, want string }{
		{"no JSON", avroFormat, "{\n\"type\": \"record\",\n oops", "line 3 is not JSON: invalid character 'o'"},
		{"half of it", avroFormat, `{"type": "record"`, "the JSON ends too early, in line 1"},
		{"two of them", avroFormat, "\"int\"\n\"int\"", "line 2: there is more after its end"},
		{"a field without a type", avroFormat, "{\"type\": \"record\", \"name\": \"A\", \"fields\": [\n{\"name\": \"x\"}]}", "line 2: a field of A has no name or no type"},
		{"an array of nothing", avroFormat, `{"type": "array"}`, `line 1: the array has no "items"`},
		{"a number for a type", avroFormat, `["null", 5]`, "line 1: a number stands where a type should"},
		{"arrays in arrays", avroFormat, strings.Repeat("[", 300) + strings.Repeat("]", 300), "line 1: more than 500000 values, or more than 200 in each other"},
		{"no schema", jsonFormat, `[1]`, "line 1: a JSON Schema is an object, and this is an array"},
		{"a type that is none", jsonFormat, "{\n\"type\": 17}", `line 2: "type" is a number and should be a text or an array`},
		{"no message", protoFormat, "syntax = \"proto3\";\nmessage {", "line 2: syntax error: unexpected '{'"},
		{"messages in messages", protoFormat, deep, "line 61: more than 60 brackets within each other"},
		{"a giant", protoFormat, strings.Repeat("//\n", 1<<20), "the file has more than 1024 KiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := decoders[tt.format](tt.text, nil, "")
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestColumnsAreBounded opens types that double with each level: the first levels must be there in full.
func TestColumnsAreBounded(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("syntax = \"proto3\";\n")
	for i := range 40 {
		fmt.Fprintf(&text, "message M%d { M%d a = 1; M%d b = 2; int32 id = 3; }\n", i, i+1, i+1)
	}
	s, err := decodeProto(text.String(), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	list, whole := columns(&s, "")
	if whole || len(list) > maxColumns || len(list) < maxColumns/4 || list[len(list)-1].Path != "id" {
		t.Errorf("%d columns, whole %v, the last is %s", len(list), whole, list[len(list)-1].Path)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestTopicOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ subject, record, topic, part string }{
		{"orders-value", "shop.Order", "orders", "value"},
		{"orders-key", "", "orders", "key"},
		{"shop-orders-shop.Order", "shop.Order", "shop-orders", ""},
		{"shop.Order", "shop.Order", "", ""},
		{"-value", "", "", ""},
		{"orders", "", "", ""},
		{"orders-", "", "", ""},
	} {
		if topic, part, _ := topicOf(tt.subject, tt.record); topic != tt.topic || part != tt.part {
			t.Errorf("topicOf(%s, %s) = %q, %q", tt.subject, tt.record, topic, part)
		}
	}
}

func fuzz(f *testing.F, format string) {
	f.Helper()
	for _, c := range decodeCases() {
		if c.format == format {
			f.Add(c.text, c.text)
			for _, other := range c.files {
				f.Add(c.text, other.text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text, other string) {
		s, err := decoders[format](text, []file{{"other", other}}, "a-b.C")
		if err != nil {
			if err.Error() == "" {
				t.Error("an error that says nothing")
			}
			return
		}
		list, _ := columns(&s, "key")
		paths := map[string]bool{}
		for _, c := range list {
			if paths[c.Path] {
				t.Errorf("two columns are called %s", c.Path)
			}
			paths[c.Path] = true
		}
		if len(list) > maxColumns {
			t.Errorf("%d columns", len(list))
		}
	})
}

func FuzzAvro(f *testing.F) { fuzz(f, avroFormat) }

func FuzzJSONSchema(f *testing.F) { fuzz(f, jsonFormat) }

func FuzzProto(f *testing.F) { fuzz(f, protoFormat) }
