package schemaregistry

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"portreeve/catalog"
)

const (
	maxVersions = 50
	maxText     = 256 << 10 // bytes of the text of one version that are kept
	maxTexts    = 4 << 20   // bytes of the texts of all versions that are kept; the newest is always there
)

// The formats of schemas, as registries name them.
const (
	avroFormat  = "AVRO"
	jsonFormat  = "JSON"
	protoFormat = "PROTOBUF"
)

// shape is what a decoder learns from a schema.
type shape struct {
	record      string // full name of what it describes: a record, a message, a title; "" when it has none
	title       string
	description string
	fields      []field
	within      string // as in field, of the whole
}

// decoders turn the text of a schema into its shape. files are the texts that it refers to, by the name it refers by; wanted is
// the full name of the record that the subject's name asks for, if the schema has several. Their errors say what is wrong, with
// the line where there is one.
var decoders = map[string]func(text string, files []file, subject string) (shape, error){
	avroFormat: decodeAvro, jsonFormat: decodeJSONSchema, protoFormat: decodeProto,
}

// observe describes a subject whose newest version is latest.
func (r *crawl) observe(ctx context.Context, name string, latest *version) (catalog.Observation, error) {
	format := strings.ToUpper(latest.Type)
	if format == "" {
		format = avroFormat
	}
	o := catalog.Observation{
		Name: name, Kind: catalog.Schema, Standing: catalog.Describes, Format: strings.ToLower(format), Properties: properties(latest),
	}
	_, local := splitContext(name)
	var s shape
	if decode := decoders[format]; decode != nil {
		files, err := r.shared.references(ctx, latest)
		if err != nil {
			return o, err
		}
		if s, err = safely(decode, latest.Schema, files, local); err != nil {
			return o, unreadable(name, latest.Version, err)
		}
	}
	o.Title, o.Description = s.title, cut(s.description, maxComment)
	o.Detail.Schema = &catalog.SchemaDetail{Subject: name, Format: format}
	o.Identifiers, o.Detail.Schema.Part = r.identify(name, s.record)
	var whole bool
	if o.Columns, whole = columns(&s, o.Detail.Schema.Part); !whole {
		o.Properties["columns"] = fmt.Sprintf("the schema has more fields than the %d shown", len(o.Columns))
	}
	older, err := r.versions(ctx, name, latest, o.Detail.Schema)
	if older > 0 {
		o.Properties["older versions"] = strconv.Itoa(older) + " more in the registry"
	}
	return o, err
}

// safely runs a decoder: a bug in it, or in a library of its, must cost one subject and not the crawl.
func safely(decode func(string, []file, string) (shape, error), text string, files []file, subject string) (s shape, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the decoder gave up: %v", p)
		}
	}()
	return decode(text, files, subject)
}

// versions fills in the versions of a subject, newest first, and returns how many older ones were left out.
func (r *crawl) versions(ctx context.Context, name string, latest *version, d *catalog.SchemaDetail) (older int, err error) {
	numbers := []int{latest.Version}
	if latest.Version > 1 {
		if numbers, err = r.client.numbers(ctx, name); err != nil && !isGone(err) {
			return 0, err
		}
		numbers = slices.DeleteFunc(numbers, func(n int) bool { return n >= latest.Version })
		numbers = slices.Insert(numbers, 0, latest.Version)
	}
	size := 0
	for i, n := range numbers {
		if i == maxVersions || size > maxTexts {
			return len(numbers) - i, nil
		}
		v := *latest
		if i > 0 {
			if v, err = r.client.version(ctx, name, strconv.Itoa(n)); isGone(err) {
				continue
			}
			if err != nil {
				return 0, err
			}
		}
		kept := catalog.SchemaVersion{Version: v.Version, ID: v.ID, Text: cut(v.Schema, maxText), References: kept(v.References)}
		size += len(kept.Text)
		d.Versions = append(d.Versions, kept)
	}
	return 0, nil
}

// kept bounds the references of a version.
func kept(references []catalog.SchemaReference) []catalog.SchemaReference {
	out := make([]catalog.SchemaReference, 0, min(len(references), maxFiles))
	for _, ref := range references[:min(len(references), maxFiles)] {
		out = append(out, catalog.SchemaReference{Name: cut(ref.Name, maxName), Subject: cut(ref.Subject, maxName), Version: ref.Version})
	}
	return out
}

// properties returns what people wrote beside the schema, but nothing that they marked as sensitive or that may be a secret.
func properties(v *version) map[string]string {
	out := map[string]string{}
	for name, value := range v.Metadata.Properties {
		if !slices.Contains(v.Metadata.Sensitive, name) {
			out[name] = value
		}
	}
	return catalog.ShownProperties(out)
}

// identify returns the names by which a subject is known elsewhere, and which part of its topic it is about.
func (r *registry) identify(subject, record string) (ids []catalog.Identifier, part string) {
	ids = []catalog.Identifier{{Namespace: r.namespace, Name: subject, Rule: "its own name"}}
	within, name := splitContext(subject)
	topic, part, strategy := topicOf(name, record)
	// What lies in another context is about another cluster, unless someone chose the contexts for this one.
	if topic != "" && r.settings.kafka != "" && (within == "." || len(r.settings.contexts) > 0) {
		rule := "the subject's name says so (" + strategy + ")"
		ids = append(ids, catalog.Identifier{Namespace: r.settings.kafka, Name: topic, Rule: rule, Part: part})
	}
	return ids, part
}

// topicOf returns the topic that a subject is about, by the naming strategies of Confluent's serializers; "" where the name
// does not say.
func topicOf(subject, record string) (topic, part, strategy string) {
	for _, part := range []string{"key", "value"} {
		if topic, ok := strings.CutSuffix(subject, "-"+part); ok && topic != "" {
			return topic, part, "TopicNameStrategy"
		}
	}
	if topic, ok := strings.CutSuffix(subject, "-"+record); ok && topic != "" && record != "" {
		return topic, "", "TopicRecordNameStrategy"
	}
	return "", "", ""
}
