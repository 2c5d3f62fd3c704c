package dbt

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// leaves walks over all of a text and returns its values in order, with the names of members between them.
func leaves(s *scanner, depth int) (out []string, err error) {
	c, err := s.peek()
	if err != nil {
		return nil, err
	}
	inner := func() error {
		more, err := leaves(s, depth+1)
		out = append(out, more...)
		return err
	}
	switch {
	case c == '{' && depth < 20:
		err = s.object(func(key string) error {
			out = append(out, key)
			return inner()
		})
	case c == '[' && depth < 20:
		err = s.array(inner)
	default:
		var raw []byte
		raw, err = s.value(nil, 1<<20)
		out = append(out, string(raw))
	}
	return out, err
}

// expected is what leaves must return, made by encoding/json.
func expected(t *testing.T, raw json.RawMessage, depth int) (out []string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	opening, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	delim, nested := opening.(json.Delim)
	if !nested || depth >= 20 {
		return []string{string(bytes.TrimSpace(raw))}
	}
	for d.More() {
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, key.(string))
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		out = append(out, expected(t, value, depth+1)...)
	}
	return out
}

// FuzzScanner checks that whatever is JSON is taken apart as encoding/json does it, wherever blocks end, and that a text which
// ends too early is told from one that does not.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":[true,null,"x\"y\\"],"c":{"d":-1.5e3}}`, ` [ ] `, `{"":{}}`, `[[[[]]],"]}"]`, `"\\\""`, `12`, `{"a"}`, `{"a":}`, `[1 2]`,
		`{"a":1,}`, "{\"\u2603\":\"\\u2603\"}", `[{"a":"`, `nullnull`, `{"a":tru`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		whole, wholeErr := leaves(scanBytes(text), 0)
		s := newScanner(iotest.OneByteReader(bytes.NewReader(append(bytes.Clone(text), ' '))))
		parts, partsErr := leaves(s, 0)
		if !json.Valid(text) {
			return // anything but a panic
		}
		if errors.Is(wholeErr, errTooBig) || errors.Is(wholeErr, errDeep) {
			return // as it must be
		}
		want := expected(t, text, 0)
		for _, got := range []struct {
			leaves []string
			err    error
		}{{whole, wholeErr}, {parts, partsErr}} {
			if got.err != nil || strings.Join(got.leaves, "\x00") != strings.Join(want, "\x00") {
				t.Errorf("%q: %q, %v; want %q", text, got.leaves, got.err, want)
			}
		}
		if c := bytes.TrimSpace(text)[0]; c != '{' && c != '[' && c != '"' {
			return // half a number is a number
		}
		cut := bytes.TrimSpace(text)
		if _, err := leaves(newScanner(bytes.NewReader(cut[:len(cut)-1])), 0); !errors.Is(err, errCut) {
			t.Errorf("%q without its end: %v", text, err)
		}
	})
}

// FuzzArtifacts reads whatever it is given as each of the artifacts.
func FuzzArtifacts(f *testing.F) {
	files, err := filepath.Glob("testdata/recorded/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no artifacts to start from:", err)
	}
	for _, seed := range []string{
		`{"metadata":{"dbt_schema_version":"https://x/manifest/v12.json"},"nodes":{"model.p.m":{"name":"m","columns":{"a":{"name":"a"}}},` +
			`"test.p.t":{"test_metadata":{"name":"unique","kwargs":{"model":"ref('m')"}},"depends_on":{"nodes":["model.p.m"]}}}}`,
		`{"nodes":{"model.p.m":{"columns":{"A":{"type":"t","index":1}},"stats":{"bytes":{"value":1e3}}}}}`,
		`{"args":{"which":"run"},"results":[{"unique_id":"model.p.m","status":"error","message":"x","execution_time":1}]}`,
		`{"results":[{"unique_id":"source.p.s.t","max_loaded_at":"2026-11-04T10:00:00"}]}`,
		`{"exposures":{"exposure.p.e":{"owner":{"name":"x"}}},"groups":{"group.p.g":{"name":"g"}},"sources":{"source.p.s.t":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := readManifest(t.Context(), bytes.NewReader(text), "manifest.json")
		if err != nil {
			x, err = readManifest(t.Context(), strings.NewReader(`{"nodes":{"model.p.m":{"name":"m","package_name":"p"}}}`), "manifest.json")
			if err != nil {
				t.Fatal(err)
			}
		}
		_ = x.readResults(t.Context(), bytes.NewReader(text), "run_results.json")
		_ = x.readFreshness(t.Context(), bytes.NewReader(text), "sources.json")
		_ = x.readBuilt(t.Context(), bytes.NewReader(text), "catalog.json")
		o := observer{x: x, namespace: "trino://host:8080", file: "manifest.json"}
		v := view{projects: []*artifacts{{dir: "/p", index: x}}, byName: map[string]int{}, scopes: map[string]int{}}
		if err := v.fill(); err != nil {
			t.Fatal(err)
		}
		if len(v.byName) != len(v.datasets) {
			t.Errorf("%d names for %d datasets", len(v.byName), len(v.datasets))
		}
		for _, d := range v.datasets {
			raw, built := part(t, text, d.entry.span), part(t, text, x.Built[d.entry.ID].span)
			seen, err := o.observe(d.name, d.native, d.entry, raw, built)
			if seen.Name != d.name || (err == nil) != (seen.Kind != "") {
				t.Errorf("%s is seen as %+v, %v", d.name, seen, err)
			}
			_ = x.version(d.entry, "")
		}
	})
}

// part returns what lies at s, nil if the text is another one than it was made of.
func part(t *testing.T, text []byte, s span) []byte {
	t.Helper()
	if s.Size <= 0 || s.Off+int64(s.Size) > int64(len(text)) {
		return nil
	}
	raw, err := io.ReadAll(io.NewSectionReader(bytes.NewReader(text), s.Off, int64(s.Size)))
	if err != nil || sum(raw) != s.Sum {
		return nil
	}
	return raw
}
