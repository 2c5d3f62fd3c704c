package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portreeve/catalog"
	"portreeve/estate"
	"portreeve/fault"
)

var update = flag.Bool("update", false, "write what is generated into docs")

// fake is a connector that remembers what it was opened with.
type fake struct {
	opened, closed int
	config         map[string]string
	crawler        catalog.Crawler
}

func (f *fake) connector() catalog.Connector {
	return catalog.Connector{Kind: "fake", Title: "Fake", Open: func(_ context.Context, src catalog.Source) (catalog.Connection, error) {
		f.opened++
		f.config = src.Config
		return catalog.Connection{Crawler: f.crawler, Close: func() error { f.closed++; return nil }}, nil
	}}
}

// A connection is kept until what its references stand for changes, and the old one until nobody uses it.
func TestOpenFollowsASecretsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "password")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := &fake{}
	s := newSources(nil, nil, []catalog.Connector{f.connector()}, os.LookupEnv)
	src := catalog.Source{Slug: "a", Kind: "fake", Config: map[string]string{"password": "${file:" + path + "}"}}
	open := func() catalog.Connection {
		t.Helper()
		conn, err := s.Open(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	write("one\n")
	first, second := open(), open()
	if f.opened != 1 || f.config["password"] != "one" {
		t.Fatalf("opened %d times with %v", f.opened, f.config)
	}
	write("two\n")
	third := open()
	if f.opened != 2 || f.config["password"] != "two" || f.closed != 0 {
		t.Errorf("after the secret changed: opened %d times with %v, closed %d", f.opened, f.config, f.closed)
	}
	for i, conn := range []catalog.Connection{first, first, third, second} { // giving back twice is giving back once
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if want := map[int]int{3: 1}[i]; f.closed != want {
			t.Errorf("after %d were given back %d are closed, want %d", i+1, f.closed, want)
		}
	}
	src.Kind = "none"
	if _, err := s.Open(t.Context(), src); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), `kind "none"`) {
		t.Errorf("an unknown kind: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), src); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "there is no file") {
		t.Errorf("a secret that is gone: %v", err)
	}
	if err := s.Close(); err != nil || f.closed != 2 {
		t.Errorf("at the end %d are closed, %v", f.closed, err)
	}
}

// partly is a source of which some cannot be read.
type partly struct{ empty }

func (partly) Scopes(context.Context) ([]string, error) {
	return []string{"fine", "secret", "odd"}, nil
}

func (partly) Datasets(_ context.Context, scope string, _ catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		switch scope {
		case "secret":
			yield(catalog.Observation{}, fault.Forbiddenf("the user u may not list secret"))
		case "odd":
			for i := range 9 {
				if !yield(catalog.Observation{Name: fmt.Sprint("odd.t", i)}, fault.Forbiddenf("the user u may not read it")) {
					return
				}
			}
		case "fine":
			for i := range 30 {
				if !yield(catalog.Observation{Name: fmt.Sprint("fine.t", i), Columns: make([]catalog.Column, 2)}, nil) {
					return
				}
			}
		}
	}
}

func TestSourceCheckSaysWhatMayBeRead(t *testing.T) {
	t.Parallel()
	check1 := func(all bool, c catalog.Crawler) (string, error) {
		f := &fake{crawler: c}
		s := newSources(nil, nil, []catalog.Connector{f.connector()}, os.LookupEnv)
		var out bytes.Buffer
		err := (&check{w: &out, all: all, source: catalog.Source{Slug: "a", Kind: "fake", Namespace: "fake://h"}}).run(t.Context(), s)
		return out.String(), err
	}
	out, err := check1(false, partly{})
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("%v, want Unavailable: exit status 1", err)
	}
	for _, want := range []string{
		"a (fake, fake://h)", "3 scopes listed", "20 datasets, 40 columns", "the first ones; --all looks at all", "not listed to its end: the user u may not list secret",
		"odd.t4: the user u may not read it", "… and 4 more that cannot be read", "20 datasets read in 2 scopes; 1 scope and 9 datasets failed",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "odd.t5") {
		t.Error("every failure is told")
	}
	if out, _ := check1(true, partly{}); !strings.Contains(out, "30 datasets, 60 columns") {
		t.Errorf("--all does not look at all:\n%s", out)
	}
	if out, err := check1(false, empty{}); err != nil || !strings.Contains(out, "nothing failed") {
		t.Errorf("%v\n%s", err, out)
	}
}

// What connectors say of their settings is what an estate and a page rely on.
func TestConnectorsAreSound(t *testing.T) {
	t.Parallel()
	kinds := map[string]bool{}
	for _, c := range connectors(noLake) {
		if c.Kind == "" || c.Title == "" || c.Open == nil || kinds[c.Kind] {
			t.Errorf("%q: no kind of its own, no title or nothing to open", c.Kind)
		}
		kinds[c.Kind] = true
		met := map[string]bool{}
		for _, name := range estate.Common {
			met[name] = true
		}
		for _, s := range c.Settings {
			if met[s.Name] {
				t.Errorf("%s.%s: every source has a key of that name, or another setting", c.Kind, s.Name)
			}
			met[s.Name] = true
			if !strings.HasSuffix(s.Help, ".") || strings.Contains(s.Help, "\n") {
				t.Errorf("%s.%s: the help %q is no sentence", c.Kind, s.Name, s.Help)
			}
			if s.Secret && (s.List || s.Default != "") {
				t.Errorf("%s.%s: a secret has no default and is no list", c.Kind, s.Name)
			}
			for value := range strings.SplitSeq(s.Default, "\n") {
				if s.Check != nil && value != "" && s.Check(value) != "" {
					t.Errorf("%s.%s: the default %q %s", c.Kind, s.Name, value, s.Check(value))
				}
			}
		}
	}
}

// docs/sources.md lists all settings as the connectors have them: go test ./cmd/portreeve -run Docs -update.
func TestSourcesDocsListAllSettings(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/sources.md", "<!-- settings: written by a test -->\n", "<!-- end of settings -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), begin)
	old, tail, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%s has no place for the settings", path)
	}
	var b strings.Builder
	for _, c := range connectors(noLake) {
		fmt.Fprintf(&b, "\n### %s\n\n`kind: %s`\n\n| setting | | what it is |\n|---|---|---|\n", c.Title, c.Kind)
		for _, s := range c.Settings {
			help := s.Help
			if s.Default != "" {
				help += " Default: `" + strings.ReplaceAll(s.Default, "\n", "`, `") + "`."
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, sort(&s), strings.ReplaceAll(help, "|", `\|`))
		}
	}
	b.WriteString("\n")
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+b.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != b.String() {
		t.Errorf("%s does not list the settings as they are: go test ./cmd/portreeve -run Docs -update", path)
	}
}

// The example of docs/sources.md can be taken as it stands.
func TestSourcesDocsExampleIsSound(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	path := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(path, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := estate.Load(path, connectors(noLake), func(string) (string, bool) { return "x", true })
	if err != nil {
		t.Fatal(err)
	}
	warehouse, _ := e.Source("warehouse")
	models, _ := e.Source("models")
	if len(e.Sources) != 5 || warehouse.Config["same"] != "app=postgres://db.example.com:5432|orders" || models.Config["database_namespace"] != warehouse.Namespace {
		t.Errorf("%d sources, %v, %v", len(e.Sources), warehouse.Config, models.Config)
	}
}

// sort is what sort of a setting it is, in words.
func sort(s *catalog.ConnectorSetting) string {
	var words []string
	for _, w := range []struct {
		is   bool
		word string
	}{{s.Required, "required"}, {s.List, "list"}, {s.Secret, "secret"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ", ")
}
