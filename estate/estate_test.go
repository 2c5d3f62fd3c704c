package estate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/estate"
	"portreeve/fault"
)

// kinds stand for connectors with every sort of setting.
func kinds() []catalog.Connector {
	number := func(v string) string {
		if strings.Trim(v, "0123456789") != "" {
			return "is not a number"
		}
		return ""
	}
	same := func(v string) string {
		if !strings.Contains(v, "://") {
			return "has an item that is not like app=postgres://db:5432|app"
		}
		return ""
	}
	return []catalog.Connector{
		{Kind: "trino", Title: "Trino", Settings: []catalog.ConnectorSetting{
			{Name: "url", Help: "Address of the coordinator.", Required: true},
			{Name: "user", Help: "User to ask as."},
			{Name: "password", Help: "Password of the user.", Secret: true},
			{Name: "catalogs", Help: "Catalogs to read.", List: true},
			{Name: "parallel", Help: "Most queries at a time.", Check: number},
			{Name: "same", Help: "What a catalog reads.", List: true, Check: same},
		}},
		{Kind: "kafka", Title: "Kafka", Settings: []catalog.ConnectorSetting{
			{Name: "brokers", Help: "Brokers to begin with.", Required: true, List: true}, {Name: "tls", Help: "Whether to use TLS."},
		}},
		{Kind: "schemaregistry", Title: "Schema Registry", Settings: []catalog.ConnectorSetting{
			{Name: "url", Help: "Address.", Required: true, List: true}, {Name: "kafka", Help: "The source whose topics these are."},
		}},
		{Kind: "postgres", Title: "Postgres", Settings: []catalog.ConnectorSetting{
			{Name: "url", Help: "Address in one piece.", Secret: true}, {Name: "host", Help: "Hosts.", List: true}, {Name: "port", Help: "Port.", Check: number},
		}},
		{Kind: "dbt", Title: "dbt", Settings: []catalog.ConnectorSetting{
			{Name: "path", Help: "Folder of the artifacts.", Required: true, List: true}, {Name: "database_namespace", Help: "Where models are built."},
		}},
	}
}

// variables are what the tests' estates refer to.
func variables(name string) (string, bool) {
	value, ok := map[string]string{"PW": "s3cr3t/@:,", "EMPTY": "", "HOST": "trino.example.com", "DSN": "postgres://u:hunter2@Db1:5433,db2/app"}[name]
	return value, ok
}

// write makes a folder of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"b/streams.yml": `
sources:
  events: {kind: kafka, brokers: ["Broker-1:9092", "broker-2:9092"], tls: true}
  registry:
    kind: schemaregistry
    url: http://registry:8081/apis/
    kafka: events
`,
		"a.yaml": `# the platform
sources:
  warehouse:
    kind: trino
    title: Warehouse
    note: |
      Loaded each night.

      Ask #data.
    namespace: trino://trino.example.com:8443/
    aliases: [trino:8080]
    every: 2d
    url: https://${HOST}:8443
    user: portreeve
    password: ${PW}
    catalogs: [lake, app]
    parallel: 4
    same: ["pg=app|orders", "own=postgres://x:1"]
  plain: {kind: trino, url: "https://Trino.Example.com"}
  app:
    kind: postgres
    url: postgres://u:${PW}@Db1:5433,db2/app
  models: {kind: dbt, path: /srv/dbt, database_namespace: warehouse}
`,
		"empty.yaml":        "# nothing yet\n",
		"readme.md":         "not: [yaml",
		".git/config.yaml":  "not: [yaml",
		"..data/extra.yaml": "not: [yaml",
	})
	got, err := estate.Load(dir, kinds(), variables)
	if err != nil {
		t.Fatal(err)
	}
	want := []catalog.Source{
		{Slug: "app", Kind: "postgres", Namespace: "postgres://db1:5433", Config: map[string]string{"url": "postgres://u:${PW}@Db1:5433,db2/app"}, CrawlEvery: time.Hour, DeclaredIn: "a.yaml:20"},
		{
			Slug: "events", Kind: "kafka", Namespace: "kafka://broker-1:9092", CrawlEvery: time.Hour, DeclaredIn: "b/streams.yml:3",
			Config: map[string]string{"brokers": "Broker-1:9092\nbroker-2:9092", "tls": "true"},
		},
		{
			Slug: "models", Kind: "dbt", CrawlEvery: time.Hour, DeclaredIn: "a.yaml:23",
			Config: map[string]string{"path": "/srv/dbt", "database_namespace": "trino://trino.example.com:8443", "declared:database_namespace": "warehouse"},
		},
		{
			Slug: "plain", Kind: "trino", Namespace: "trino://trino.example.com:443", CrawlEvery: time.Hour, DeclaredIn: "a.yaml:19",
			Config: map[string]string{"url": "https://Trino.Example.com"},
		},
		{
			Slug: "registry", Kind: "schemaregistry", Namespace: "http://registry:8081/apis", CrawlEvery: time.Hour, DeclaredIn: "b/streams.yml:4",
			Config: map[string]string{"url": "http://registry:8081/apis/", "kafka": "kafka://broker-1:9092", "declared:kafka": "events"},
		},
		{
			Slug: "warehouse", Kind: "trino", Title: "Warehouse", Note: "Loaded each night.\n\nAsk #data.", Namespace: "trino://trino.example.com:8443",
			Aliases: []string{"trino:8080"}, CrawlEvery: 48 * time.Hour, DeclaredIn: "a.yaml:3",
			Config: map[string]string{
				"url": "https://${HOST}:8443", "user": "portreeve", "password": "${PW}", "catalogs": "lake\napp", "parallel": "4",
				"same": "pg=postgres://db1:5433|orders\nown=postgres://x:1", "declared:same": "pg=app|orders\nown=postgres://x:1",
			},
		},
	}
	for i := range want {
		if want[i].Aliases == nil {
			want[i].Aliases = []string{}
		}
	}
	if diff := cmp.Diff(want, got.Sources); diff != "" {
		t.Error(diff)
	}
	if s, ok := got.Source("events"); !ok || s.Kind != "kafka" {
		t.Errorf("Source(events) = %+v, %t", s, ok)
	}
	if _, ok := got.Source("event"); ok {
		t.Error("Source finds what is not declared")
	}
}

// All problems are told at once, in the order of the files, and no value of a secret is among them.
func TestLoadTellsAllProblems(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(secret, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		want       []string // without the file
	}{
		{"an unknown key", "source: {}\n", []string{"1:1: source: there is no such key, did you mean sources?"}},
		{"nothing", "# later\n", []string{"1:1: nothing is declared here: write sources: {} if that is meant"}},
		{"no YAML", "sources: [\n", []string{"1:10: this is not YAML: sequence end token ']' not found"}},
		{"a text", "hello\n", []string{"1:1: an estate is written as keys with values, such as sources:"}},
		{"two documents", "sources: {}\n---\nsources: {}\n", []string{"3:1: a second document begins here: write one a file"}},
		{"an alias", "sources: &x {a: *x}\n", []string{"1:10: anchors (&), aliases (*) and merges (<<) are not used in an estate: write it out, and put a text that begins with such a sign in quotes"}},
		{"a merge", "sources:\n  <<: x\n", []string{"2:3: anchors (&), aliases (*) and merges (<<) are not used in an estate: write it out, and put a text that begins with such a sign in quotes"}},
		{"a tag", "sources: !x {}\n", []string{"1:10: tags (!) are not used in an estate: put a text that begins with ! in quotes"}},
		{"too deep", "sources: " + strings.Repeat("[", 30) + "\n", []string{"1:30: this is nested too deeply"}},
		{"too deep in a line", strings.Repeat("- ", 30) + "\n", []string{"1:41: this is nested too deeply"}},
		{"sources are a list", "sources: [a]\n", []string{"1:10: sources: here belong keys with values, not a list"}},
		{"a source is a text", "sources:\n  a: trino\n", []string{"2:6: sources.a: here belong keys with values, not a text"}},
		{"a bad slug", "sources:\n  My-Lake: {kind: kafka, broker: [b]}\n", []string{
			"2:3: sources.My-Lake: a source is named by at most 63 small letters, digits, - and _, with a letter first",
			"2:26: sources.My-Lake.broker: Kafka has no such setting, did you mean brokers?",
		}},
		{"declared twice", "sources:\n  a: {kind: kafka, brokers: [b]}\n  a: {kind: kafka, brokers: [b]}\n", []string{"3:3: sources.a: this stands twice, first in line 2"}},
		{"no kind", "sources:\n  a:\n    url: x\n", []string{"2:3: sources.a.kind: this is missing: one of trino, kafka, schemaregistry, postgres, dbt"}},
		{"an unknown kind", "sources:\n  a: {kind: trinno, urll: x, every: soon}\n", []string{
			"2:13: sources.a.kind: there is no such kind, did you mean trino: it is one of trino, kafka, schemaregistry, postgres, dbt",
			"2:21: sources.a.urll: Trino has no such setting, did you mean url?", `2:37: sources.a.every: "soon" is not an interval such as 15m, 6h or 1d`,
		}},
		{"a required setting is missing", "sources:\n  a: {kind: trino}\n", []string{"2:3: sources.a.url: this is missing: Address of the coordinator"}},
		{
			"all at once",
			"sources:\n  a:\n    kind: trino\n    url: http://t\n    catalog: [x]\n    parallel: many\n    title: [a]\n    user:\n    password: hunter2\n    every: 10s\n",
			[]string{
				"5:5: sources.a.catalog: Trino has no such setting, did you mean catalogs?",
				`6:15: sources.a.parallel: "many" is not a number`,
				"7:12: sources.a.title: here belongs a text, not a list",
				"8:10: sources.a.user: here belongs a text, not nothing",
				"9:15: sources.a.password: this is a secret and must not stand in a file: write a reference, such as ${PASSWORD} or ${file:/run/secrets/password}",
				`10:12: sources.a.every: "10s" is not between 1m and 30d`,
			},
		},
		{"intervals", "sources:\n  a: {kind: kafka, brokers: [b], every: soon}\n  b: {kind: kafka, brokers: [b], every: 31d}\n  c: {kind: kafka, brokers: [b], every: 15}\n", []string{
			`2:41: sources.a.every: "soon" is not an interval such as 15m, 6h or 1d`, `3:41: sources.b.every: "31d" is not between 1m and 30d`,
			`4:41: sources.c.every: "15" is not an interval such as 15m, 6h or 1d`,
		}},
		{"a password in an address", "sources:\n  a: {kind: trino, url: 'https://u:hunter2@t'}\n  b: {kind: trino, url: 'https://t?access_token=hunter2'}\n", []string{
			"2:25: sources.a.url: this address has a password or a token in it: write a reference in its place, such as ${PASSWORD}",
			"3:25: sources.b.url: this address has a password or a token in it: write a reference in its place, such as ${PASSWORD}",
		}},
		{"a password in a secret address", "sources:\n  a: {kind: postgres, url: 'postgres://u:hunter2@h/${PW}'}\n", []string{
			"2:28: sources.a.url: this is a secret and must not stand in a file: write a reference, such as ${URL} or ${file:/run/secrets/url}",
		}},
		{"references that lead nowhere", "sources:\n  a:\n    kind: trino\n    url: https://${NOWHERE}\n    password: ${file:/no/such/file}\n    user: ${EMPTY}\n" +
			"    catalogs: ['${file:" + secret + "}']\n", []string{
			"4:10: sources.a.url: the variable NOWHERE is not set",
			"5:15: sources.a.password: there is no file /no/such/file",
			"6:11: sources.a.user: the variable EMPTY is empty",
			"7:16: sources.a.catalogs: the file " + secret + " is empty",
		}},
		{"references that are none", "sources:\n  a: {kind: trino, url: 'http://t', catalogs: ['${x', '${a b}', '${file:x}', '${PORTREEVE_HOME}']}\n", []string{
			"2:48: sources.a.catalogs: a ${ has no } that ends it",
			"2:55: sources.a.catalogs: a reference is written ${NAME} for a variable or ${file:/path} for a file",
			"2:65: sources.a.catalogs: a reference to a file has its whole path, such as ${file:/run/secrets/password}",
			"2:78: sources.a.catalogs: DATABASE_URL and variables whose names begin with PORTREEVE_ are the portal’s own: choose another name than PORTREEVE_HOME",
		}},
		{"lists", "sources:\n  a: {kind: trino, url: 'http://t', catalogs: 'a, b'}\n  b: {kind: trino, url: 'http://t', catalogs: [a, a, [b], '']}\n", []string{
			"2:47: sources.a.catalogs: here belongs a list, written with brackets: [a, b]",
			"3:51: sources.b.catalogs: this stands in the list twice",
			"3:54: sources.b.catalogs[2]: here belongs a text, not a list",
			"3:59: sources.b.catalogs[3]: this is empty: leave it out or give it a value",
		}},
		{"names of other sources", "sources:\n  r: {kind: schemaregistry, url: http://r, kafka: event}\n  s: {kind: schemaregistry, url: http://r, kafka: s}\n  t: {kind: schemaregistry, url: http://r, kafka: 'k:1'}\n" +
			"  events: {kind: kafka, brokers: [b]}\n  m: {kind: dbt, path: /x, database_namespace: m2}\n  m2: {kind: dbt, path: /x}\n  w: {kind: trino, url: http://t, same: [pg=evnts, pg2]}\n", []string{
			"2:51: sources.r.kafka: there is no source event, did you mean events?",
			"3:51: sources.s.kafka: a source cannot name itself",
			`4:51: sources.t.kafka: "k:1" is neither a source that is declared nor a namespace such as kafka://host:9092`,
			"6:48: sources.m.database_namespace: the source m2 has no namespace: give it one",
			"8:42: sources.w.same: there is no source evnts, did you mean events?",
			"8:52: sources.w.same: there is no source pg2",
		}},
		{"namespaces", "sources:\n  a: {kind: kafka, brokers: b, namespace: kafka, aliases: ['a b']}\n", []string{
			`2:43: sources.a.namespace: "kafka" is not a namespace such as trino://trino.example.com:8443`,
			`2:60: sources.a.aliases: "a b" is not a namespace such as trino://trino.example.com:8443 or trino:8080`,
		}},
		{"lines in odd places", "sources:\n  a: {kind: kafka, brokers: b, title: \"a\\nb\"}\n  \"b\\nc\": {kind: kafka, brokers: b}\n", []string{
			"2:39: sources.a.title: this has more than one line, or characters that cannot be seen",
			"3:3: sources.b c: a source is named by at most 63 small letters, digits, - and _, with a letter first",
		}},
		{"no text", "sources: \xff\n", []string{"1:1: this is not a text in UTF-8"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(write(t, map[string]string{"x.yaml": tt.text}), "x.yaml")
			_, err := estate.Load(path, kinds(), variables)
			head, rest, _ := strings.Cut(fault.Message(err), "\n")
			if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(head, "the estate has ") {
				t.Fatalf("Load = %v, want Invalid", err)
			}
			got := strings.Split(strings.ReplaceAll(rest, "  "+path+":", ""), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("a secret is told")
			}
		})
	}
}

// How a setting is written is for people: what connects never sees it.
func TestExpandLeavesOutWhatIsWritten(t *testing.T) {
	t.Parallel()
	src := catalog.Source{Config: map[string]string{"kafka": "kafka://a:9092", "declared:kafka": "events"}}
	got, err := estate.Expand(src, os.LookupEnv)
	if err != nil || len(got.Config) != 1 || got.Config["kafka"] != "kafka://a:9092" {
		t.Errorf("%v, %v", got.Config, err)
	}
	if text, is := estate.Declared(src.Config, "kafka"); text != "events" || !is {
		t.Errorf("written: %q, %v", text, is)
	}
}

// What a reference stands for may be anything, a password with a slash in it among them; a namespace is shown to all.
func TestNamespaceHoldsNoSecret(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{"kind: postgres, url: '${DSN}'", "kind: kafka, brokers: ['${PW}']", "kind: schemaregistry, url: 'https://r/${PW}'"} {
		dir := write(t, map[string]string{"a.yaml": "sources:\n  a: {" + settings + "}\n"})
		got, err := estate.Load(dir, kinds(), variables)
		if err != nil {
			t.Fatal(err)
		}
		if got.Sources[0].Namespace != "" {
			t.Errorf("%s: the namespace is %q", settings, got.Sources[0].Namespace)
		}
	}
}
