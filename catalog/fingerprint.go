package catalog

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"

	"portreeve/fault"
)

// Limits of what is kept of one dataset, beside those of clean.
const (
	maxIdentifiers = 50
	maxDetail      = 16 << 20 // bytes of JSON
)

// prepared is an observation that may be kept, with what tells it from the one before.
type prepared struct {
	Observation
	detail []byte         // JSON, nil when there is none
	texts  map[int]string // of its schema, by version
	shape  []byte         // hash of all that history is made of, and of how other systems call it
	figure []byte         // hash of the rest
}

// prepare makes an observation fit to keep.
func prepare(o *Observation) (*prepared, error) {
	if err := clean(o); err != nil {
		return nil, err
	}
	p := &prepared{Observation: *o}
	if !o.Detail.Empty() {
		detail, err := json.Marshal(&o.Detail)
		if err != nil || len(detail) > maxDetail {
			return nil, fault.Invalidf("detail", "what is special about %s is more than the %d MiB that can be kept", o.Name, maxDetail>>20)
		}
		p.detail = storableJSON(detail)
	}
	shape := *o
	shape.RowCount, shape.ByteCount, shape.FileCount, shape.SnapshotID, shape.DataAt = nil, nil, nil, "", nil
	shape.Properties, shape.Snapshots, shape.Detail, shape.Version, shape.Estimated = nil, nil, Detail{}, "", nil
	p.shape = hash(shape)
	p.figure = hash([]any{o.RowCount, o.ByteCount, o.FileCount, o.SnapshotID, o.DataAt, o.Properties, o.Estimated, string(p.detail)})
	p.splitTexts()
	return p, nil
}

// splitTexts takes the texts of a schema out of the detail: they are long, and a page reads one or two.
func (p *prepared) splitTexts() {
	if p.Detail.Schema == nil {
		return
	}
	schema := *p.Detail.Schema
	schema.Versions = slices.Clone(schema.Versions)
	p.texts = map[int]string{}
	for i := range schema.Versions {
		v := &schema.Versions[i]
		p.texts[v.Version] = strings.ReplaceAll(strings.ToValidUTF8(v.Text, "\uFFFD"), "\x00", "\uFFFD")
		v.Bytes, v.Text = len(v.Text), ""
	}
	detail := p.Detail
	detail.Schema = &schema
	text, _ := json.Marshal(&detail) // it could be before
	p.detail = storableJSON(text)
}

// storableJSON replaces what jsonb refuses.
func storableJSON(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte(`\u0000`), []byte(`\ufffd`))
}

func hash(v any) []byte {
	text, _ := json.Marshal(v) // plain data: cannot fail
	sum := sha256.Sum256(text)
	return sum[:]
}

// cleanIdentifiers normalizes the names that other systems have for a dataset.
func cleanIdentifiers(list []Identifier) []Identifier {
	out := make([]Identifier, 0, len(list))
	for _, id := range list {
		id.Namespace, id.Name = Normal(tidy(id.Namespace, maxShort), tidy(id.Name, maxName))
		id.Rule, id.Part = tidy(id.Rule, maxShort), tidy(id.Part, maxShort)
		same := func(o Identifier) bool { return o.Namespace == id.Namespace && o.Name == id.Name }
		if id.Name != "" && len(out) < maxIdentifiers && !slices.ContainsFunc(out, same) {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b Identifier) int {
		return strings.Compare(a.Namespace+"\x00"+a.Name, b.Namespace+"\x00"+b.Name)
	})
	return out
}
