package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
	"portreeve/catalog"
)

// pagesCommand measures whole pages over HTTP, from the built binary, in a made-up catalog.
func pagesCommand(ctx context.Context, out io.Writer, args []string) error {
	f := flags("pages")
	datasets := f.Int("datasets", 100_000, "datasets in the catalog, 19.4 columns each on average")
	home := f.String("home", "", "folder of the server, kept and used again; empty: a new one, removed afterwards")
	if err := f.Parse(args); err != nil {
		return err
	}
	db, closeAll, err := open(ctx, out, *home)
	if err != nil {
		return err
	}
	err = measurePages(ctx, out, db, *datasets)
	return errors.Join(err, closeAll())
}

func measurePages(ctx context.Context, out io.Writer, db *pgxpool.Pool, datasets int) error {
	if err := fill(ctx, out, db, catalog.NewStore(db), datasets); err != nil {
		return err
	}
	binary, remove, err := build(ctx)
	if err != nil {
		return err
	}
	defer remove()
	p, err := startPortal(ctx, binary, db.Config().ConnString())
	if err != nil {
		return err
	}
	defer p.stop()
	fmt.Fprintf(out, "serve on a ready database: ready after %.2f s  limit: 1 s\n", p.took.Seconds())
	if err := p.signIn(ctx, access.Viewer); err != nil {
		return err
	}
	const q = `SELECT s.slug, d.name FROM dataset d JOIN source s ON s.id = d.source_id WHERE d.id = ANY ($1)`
	rows, _ := db.Query(ctx, q, spread(ctx, db, 500))
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[catalog.Key])
	if err != nil {
		return err
	}
	page := func(tab string) func(int) string {
		return func(i int) string {
			k := keys[i%len(keys)]
			return "/d/" + url.PathEscape(k.Source) + "/" + url.PathEscape(k.Name) + tab
		}
	}
	fixed := func(path string) func(int) string { return func(int) string { return path } }
	for _, m := range []struct {
		name  string
		path  func(int) string
		limit time.Duration
	}{
		{"dataset, overview", page(""), 30 * time.Millisecond},
		{"dataset, columns", page("/columns"), 30 * time.Millisecond},
		{"dataset, history", page("/history"), 30 * time.Millisecond},
		{"home", fixed("/"), 50 * time.Millisecond},
		{"sources", fixed("/sources"), 50 * time.Millisecond},
		{"data, everything", fixed("/data"), 50 * time.Millisecond},
	} {
		if err := p.measure(ctx, out, m.name, m.path, m.limit); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "portal's memory (RSS), highest: %d MB  limit: 150 MB\n", p.peak()>>20)
	return nil
}

// build builds the product.
func build(ctx context.Context) (binary string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "portreeve-bench-")
	if err != nil {
		return "", nil, err
	}
	binary = filepath.Join(dir, "portreeve")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "portreeve/cmd/portreeve").CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, func() { _ = os.RemoveAll(dir) }, nil
}

// portal is a running "portreeve serve".
type portal struct {
	cmd    *exec.Cmd
	binary string
	url    string
	env    []string
	took   time.Duration // until it was ready
	cookie string
}

func startPortal(ctx context.Context, binary, database string) (*portal, error) {
	listen, ops, err := twoPorts()
	if err != nil {
		return nil, err
	}
	p := &portal{binary: binary, url: "http://" + listen}
	p.env = []string{"PATH=" + os.Getenv("PATH"), "DATABASE_URL=" + database, "PORTREEVE_SESSION_KEY=" + rand.Text() + rand.Text(), "PORTREEVE_LISTEN=" + listen, "PORTREEVE_OPS_LISTEN=" + ops, "PORTREEVE_LOG_LEVEL=error"}
	p.cmd = exec.CommandContext(ctx, binary, "serve") //nolint:gosec // built here
	p.cmd.Env, p.cmd.Stderr = p.env, os.Stderr
	start := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for time.Since(start) < time.Minute {
		res, err := http.Get(p.url + "/readyz") //nolint:noctx // bounded by the loop
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				p.took = time.Since(start)
				return p, nil
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.stop()
	return nil, errors.New("the portal is not ready after a minute")
}

func twoPorts() (a, b string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		return "", "", err
	}
	defer l.Close()
	m, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		return "", "", err
	}
	defer m.Close()
	return l.Addr().String(), m.Addr().String(), nil
}

func (p *portal) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	_ = p.cmd.Wait()
}

// signIn makes a person with a token and exchanges it for a session.
func (p *portal) signIn(ctx context.Context, role access.Role) error {
	scopes := access.ScopeRead
	if role == access.Admin {
		scopes += "," + access.ScopeWrite + "," + access.ScopeAdmin
	}
	cmd := exec.CommandContext(ctx, p.binary, "token", "create", "--user", "bench", "--role", string(role), "--scopes", scopes, "--ttl", "1h") //nolint:gosec // built here
	cmd.Env = p.env
	token, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("token create: %w", err)
	}
	form := url.Values{"token": {strings.TrimSpace(string(token))}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultTransport.RoundTrip(req) // a client would follow the redirect
	if err != nil {
		return err
	}
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		p.cookie = c.Name + "=" + c.Value
	}
	if p.cookie == "" {
		return fmt.Errorf("signing in gave status %d and no cookie", res.StatusCode)
	}
	return nil
}

// measure asks for 500 pages after 50 that are not counted and prints how long they took, connection and reading included.
func (p *portal) measure(ctx context.Context, out io.Writer, name string, path func(int) string, limit time.Duration) error {
	var times []time.Duration
	for i := range 550 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path(i), nil)
		if err != nil {
			return err
		}
		req.Header.Set("Cookie", p.cookie)
		start := time.Now()
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, res.Body)
		took := time.Since(start)
		if closed := res.Body.Close(); err != nil || closed != nil {
			return errors.Join(err, closed)
		}
		if res.StatusCode == http.StatusTooManyRequests {
			time.Sleep(time.Second) // the portal's own limit for one person
			continue
		}
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: status %d", path(i), res.StatusCode)
		}
		if i >= 50 {
			times = append(times, took)
		}
	}
	printTimes(out, name, times, limit)
	return nil
}

// peak returns the most memory that the portal has had resident, in bytes, or 0 where the system does not say.
func (p *portal) peak() int64 { return peakOf(p.cmd.Process.Pid) }

func ownPeak() int64 { return peakOf(os.Getpid()) }

func peakOf(pid int) int64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	field, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kb, _ := strconv.ParseInt(field, 10, 64)
	return kb << 10
}
