package test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/jackc/pgx/v5"

	"portreeve/test/stack"
)

// platform is a portal over the stack's servers: the real binary, a database of its own and an estate.
type platform struct {
	*running
	stack    *stack.Stack
	database string // address of the portal's own database
	estate   string // file
	env      []string
	secrets  map[string]string // by variable: what must be seen nowhere
	token    string
	cookie   string
}

// newPlatform makes a database and the variables of an estate; nothing runs yet.
func newPlatform(t *testing.T) *platform {
	t.Helper()
	s := stack.Of(t)
	p := &platform{stack: s, estate: filepath.Join(openDir(t), "estate.yaml"), secrets: map[string]string{
		"TRINO_PASSWORD": s.Password, "KAFKA_PASSWORD": s.Password, "LIMITED_JWT": s.LimitedJWT,
		"PG_PASSWORD": "pg-" + unique(), "WRONG_PASSWORD": "wrong-" + unique(),
	}}
	name := "platform_" + unique()
	admin := connect(t, s.PostgresURL)
	execute(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, connect(t, s.PostgresURL), "DROP DATABASE "+name+" WITH (FORCE)") })
	p.database = replaced(s.PostgresURL, func(u *url.URL) { u.Path = "/" + name })
	p.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(p.estate), "DATABASE_URL=" + p.database, "PORTREEVE_ESTATE=" + p.estate}
	for name, value := range p.secrets {
		p.env = append(p.env, name+"="+value)
	}
	return p
}

// start runs the portal on an estate and signs in.
func (p *platform) start(t *testing.T, estate string) {
	t.Helper()
	p.declare(t, estate)
	p.serve(t)
	p.token = p.command(t, "token", "create", "--user", "tester", "--role", "admin", "--scopes", "read,write", "--ttl", "1h")
	p.cookie = p.signIn(t)
}

func (p *platform) declare(t *testing.T, estate string) {
	t.Helper()
	if err := os.WriteFile(p.estate, []byte(estate), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve starts the process and waits until it answers.
func (p *platform) serve(t *testing.T) {
	t.Helper()
	listen, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	ops, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{ops: "http://" + ops, output: &lines{wake: make(chan struct{})}, ended: make(chan error, 1)}
	r.cmd = exec.Command(binary, "serve")
	r.cmd.Env = append(slices.Clone(p.env), "PORTREEVE_SESSION_KEY="+sessionKey, "PORTREEVE_LISTEN="+listen, "PORTREEVE_OPS_LISTEN="+ops)
	r.cmd.Dir = "/"
	out, in := io.Pipe()
	r.cmd.Stdout, r.cmd.Stderr = in, in
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go r.output.read(out)
	go func() { r.ended <- r.cmd.Wait() }()
	t.Cleanup(r.stop)
	timeout := time.After(time.Minute)
	for {
		ready, more := r.output.after(`"msg":"ready"`)
		if ready != "" {
			r.url = "http://" + listen
			p.running = r
			return
		}
		select {
		case <-more:
		case err := <-r.ended:
			t.Fatalf("the portal ended: %v\n%s", err, r.output)
		case <-timeout:
			t.Fatalf("the portal is not ready after a minute\n%s", r.output)
		}
	}
}

// command runs the binary on the portal's database and returns what it prints.
func (p *platform) command(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(slices.Clone(p.env), "PORTREEVE_SESSION_KEY="+sessionKey)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// signIn exchanges the token for a session, as the login page does, and returns its cookie.
func (p *platform) signIn(t *testing.T) string {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(p.url+"/login", url.Values{"token": {p.token}, "back": {"/"}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if len(res.Cookies()) != 1 {
		t.Fatalf("signing in: status %d, %d cookies", res.StatusCode, len(res.Cookies()))
	}
	return res.Cookies()[0].Name + "=" + res.Cookies()[0].Value
}

// page returns a page as somebody signed in sees it. It must come, whatever hangs behind it.
func (p *platform) page(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", p.cookie)
	start := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if took := time.Since(start); err != nil || res.StatusCode != http.StatusOK || took > 20*time.Second {
		t.Fatalf("%s: status %d after %v, %v", path, res.StatusCode, took, err)
	}
	return string(body)
}

// ask gets JSON from the API.
func ask[T any](t *testing.T, p *platform, path string) (v T) {
	t.Helper()
	code, body := p.api(t, p.token, http.MethodGet, "/api/v1"+path, "")
	if code != http.StatusOK {
		t.Fatalf("%s: status %d: %.500s", path, code, body)
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%s: %v: %.500s", path, err, body)
	}
	return v
}

// crawlSeen is a crawl as the API tells it.
type crawlSeen struct {
	ID, State, Message, Scope           string
	Seen, Added, Changed, Renamed, Gone int
	Failed                              int
	FinishedAt                          *time.Time `json:"finished_at"`
	Errors                              []struct{ Scope, Name, Message string }
}

func (c crawlSeen) String() string {
	return fmt.Sprintf("%s %q: %d seen, %d gone, %d failed %v", c.State, c.Message, c.Seen, c.Gone, c.Failed, c.Errors)
}

// begin asks for a crawl and returns its number.
func (p *platform) begin(t *testing.T, source string) string {
	t.Helper()
	code, body := p.api(t, p.token, http.MethodPost, "/api/v1/crawls", `{"source":"`+source+`"}`)
	var started struct{ ID string }
	if err := json.Unmarshal([]byte(body), &started); err != nil || code != http.StatusAccepted {
		t.Fatalf("start a crawl of %s: status %d, %v: %s", source, code, err, body)
	}
	return started.ID
}

// crawl reads sources anew, all at once, and returns how it went. A crawl that was under way may have begun before what the
// test has changed, so it is waited for first.
func (p *platform) crawl(t *testing.T, sources ...string) map[string]crawlSeen {
	t.Helper()
	for _, source := range sources {
		p.settle(t, source)
	}
	ids := map[string]string{}
	for _, source := range sources {
		ids[source] = p.begin(t, source)
	}
	done := map[string]crawlSeen{}
	for source, id := range ids {
		eventually(t, "the crawl of "+source+" ends", func() bool {
			done[source] = ask[crawlSeen](t, p, "/crawls/"+id)
			return done[source].FinishedAt != nil
		})
	}
	return done
}

// settle waits until no crawl of a source is under way.
func (p *platform) settle(t *testing.T, source string) {
	t.Helper()
	eventually(t, "no crawl of "+source+" is under way", func() bool {
		last := ask[sourceSeen](t, p, "/sources/"+source).LastCrawl
		return last == nil || last.FinishedAt != nil
	})
}

// good crawls and fails unless all was read.
func (p *platform) good(t *testing.T, sources ...string) {
	t.Helper()
	for source, c := range p.crawl(t, sources...) {
		if c.State != "finished" {
			t.Errorf("the crawl of %s is %s", source, c)
		}
	}
}

// sourceSeen is a source as the API tells it.
type sourceSeen struct {
	Slug, Title  string
	Datasets     int
	Gone         int
	FailingSince *time.Time `json:"failing_since"`
	NextCrawlAt  time.Time  `json:"next_crawl_at"`
	RetiredAt    *time.Time `json:"retired_at"`
	LastOKAt     *time.Time `json:"last_ok_at"`
	LastCrawl    *crawlSeen `json:"last_crawl"`
}

// datasetSeen is a dataset as the API tells it.
type datasetSeen struct {
	Source, Name, Kind string
	GoneAt             *time.Time                     `json:"gone_at"`
	SameAs             *struct{ Source, Name string } `json:"same_as"`
	AlsoKnownAs        []struct {
		Source, Name, Rule, Evidence, Part string
	} `json:"also_known_as"`
	Problem     *struct{ Message string }
	Description struct{ Value string }
	RowCount    struct{ Value *int64 } `json:"row_count"`
	Detail      struct {
		Topic *struct {
			PartitionCount int `json:"partition_count"`
			Partitions     []struct{ ID, Start, End int64 }
			Groups         []struct {
				Name, State string
				Lag         *int64
				Members     []json.RawMessage
			}
		}
		Schemas []struct {
			Subject, Format, Part string
			Versions              []struct{ Version int }
		}
		Models []struct {
			UniqueID string `json:"unique_id"`
		}
	}
}

func (p *platform) dataset(t *testing.T, source, name string) datasetSeen {
	t.Helper()
	return ask[datasetSeen](t, p, "/datasets/"+source+"/"+url.PathEscape(name))
}

// history returns what has changed of a dataset, newest first, as "kind field".
func (p *platform) history(t *testing.T, source, name string) (changes []string) {
	t.Helper()
	type versions struct {
		Items []struct {
			Changes []struct{ Kind, Field string }
		}
	}
	for _, v := range ask[versions](t, p, "/datasets/"+source+"/"+url.PathEscape(name)+"/history").Items {
		for _, c := range v.Changes {
			changes = append(changes, strings.TrimSpace(c.Kind+" "+c.Field))
		}
	}
	return changes
}

func (p *platform) wantHistory(t *testing.T, source, name string, want ...string) {
	t.Helper()
	got := p.history(t, source, name)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("the history of %s %s is %q: it lacks %q", source, name, got, w)
		}
	}
}

// tab opens a page in Chromium, signed in.
func (p *platform) tab(t *testing.T, path string) *tab {
	t.Helper()
	b := openOn(t, p.url, "/login")
	b.do(chromedp.SendKeys(`[name="token"]`, p.token+kb.Enter))
	b.waitFor("signed in", `location.pathname !== "/login"`)
	b.visit(path)
	return b
}

// replaced returns an address with something else in it.
func replaced(address string, change func(*url.URL)) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	change(u)
	return u.String()
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), address)
	if t.Context().Err() != nil { // in a cleanup
		c, err = pgx.Connect(background(t), address)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(background(t)) })
	return c
}

func execute(t *testing.T, c *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.Exec(background(t), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// sources writes sources as an estate; each is its slug and its settings, lines of YAML.
func sources(all map[string][]string) string {
	var b strings.Builder
	b.WriteString("sources:\n")
	for _, slug := range slices.Sorted(maps.Keys(all)) {
		b.WriteString("  " + slug + ":\n    every: 30d\n    " + strings.Join(all[slug], "\n    ") + "\n")
	}
	return b.String()
}

// sessionKey is the key of the portals of these tests.
var sessionKey = rand.Text() + rand.Text()
