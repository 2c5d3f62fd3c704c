// Package test runs the product from outside: the real binary, its own Postgres, the real lake, real Chromium.
package test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the product, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "portreeve-test-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // other users run what is in it
	}
	if err == nil {
		binary = filepath.Join(dir, "portreeve")
		var out []byte
		if out, err = exec.Command("go", "build", "-gcflags=portreeve/web=-N -l", "-o", binary, "portreeve/cmd/portreeve").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the product:", err)
		os.Exit(1)
	}
	code := m.Run()
	shared.stop()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// running is a demo that answers.
type running struct {
	url, ops, home string
	took           time.Duration // from the start of the process to ready
	cmd            *exec.Cmd
	output         *lines
	ended          chan error
}

// lines collects output and tells when a text has come.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	wake chan struct{}
}

func (l *lines) read(r io.Reader) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		l.mu.Lock()
		fmt.Fprintln(&l.text, s.Text())
		close(l.wake)
		l.wake = make(chan struct{})
		l.mu.Unlock()
	}
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// after returns what follows mark on its line, once it has come, and a channel that closes when there is more to see.
func (l *lines) after(mark string) (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, rest, ok := strings.Cut(l.text.String(), mark)
	if !ok {
		return "", l.wake
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line), l.wake
}

type demoOptions struct {
	home string
	uid  uint32 // 0: as we are
	args []string
	env  []string
	path string // of the binary; "" is the one built here
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// launch starts a demo and waits until it is ready.
func launch(o demoOptions) (*running, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	ops, err := freePort()
	if err != nil {
		return nil, err
	}
	if o.path == "" {
		o.path = binary
	}
	r := &running{home: o.home, ops: "http://" + ops, output: &lines{wake: make(chan struct{})}, ended: make(chan error, 1)}
	r.cmd = exec.Command(o.path, append([]string{"demo"}, o.args...)...)
	r.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + o.home, "PORTREEVE_HOME=" + o.home,
		"PORTREEVE_LISTEN=" + listen, "PORTREEVE_OPS_LISTEN=" + ops,
	}, o.env...)
	r.cmd.Dir = "/"
	if o.uid != 0 {
		r.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: o.uid, Gid: o.uid}}
	}
	out, in := io.Pipe()
	r.cmd.Stdout, r.cmd.Stderr = in, in
	start := time.Now()
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go r.output.read(out)
	go func() { r.ended <- r.cmd.Wait() }()
	timeout := time.After(3 * time.Minute)
	for {
		url, more := r.output.after("Portreeve is ready: ")
		if url != "" {
			r.url, r.took = url, time.Since(start)
			return r, nil
		}
		select {
		case <-more:
		case err := <-r.ended:
			return nil, fmt.Errorf("the demo ended: %w\n%s", err, r.output)
		case <-timeout:
			r.stop()
			return nil, fmt.Errorf("the demo is not ready after three minutes\n%s", r.output)
		}
	}
}

// stop ends the demo as Ctrl-C does.
func (r *running) stop() {
	if r == nil || r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Signal(os.Interrupt)
	select {
	case <-r.ended:
	case <-time.After(90 * time.Second):
		_ = r.cmd.Process.Kill()
		<-r.ended
	}
	r.cmd = nil
}

// startDemo launches a demo for one test.
func startDemo(t *testing.T, o demoOptions) *running {
	t.Helper()
	if o.home == "" {
		o.home = openDir(t)
	}
	r, err := launch(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r
}

// openDir returns a temporary folder whose parents everybody may enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(binary), "home-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shared is the demo that the tests which change nothing share.
var (
	shared     *running
	sharedOnce sync.Once
	errShared  error
)

func sharedDemo(t *testing.T) *running {
	t.Helper()
	sharedOnce.Do(func() { shared, errShared = launch(demoOptions{home: openDir(t)}) })
	if errShared != nil {
		t.Fatal(errShared)
	}
	return shared
}

func (r *running) get(t *testing.T, path string) (int, string) {
	t.Helper()
	res, err := http.Get(r.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// token makes an API token as an operator does.
func (r *running) token(t *testing.T, user, scopes string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "token", "create", "--user", user, "--scopes", scopes, "--ttl", "1h")
	cmd.Env = []string{"PORTREEVE_HOME=" + r.home, "PATH=" + os.Getenv("PATH")}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("token create: %v\n%s", err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// api calls the API and returns status and body.
func (r *running) api(t *testing.T, token, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// children returns the processes whose parent is pid and whose command line holds what.
func children(pid int, what string) (found []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ") // the name before it may hold anything
		if f := strings.Fields(rest); len(f) < 2 || f[1] != strconv.Itoa(pid) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if strings.Contains(strings.ReplaceAll(string(line), "\x00", " "), what) {
			found = append(found, child)
		}
	}
	return found
}

// eventually waits until ok, polling, and fails with what if it never is.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatal("never happened: " + what)
		case <-tick.C:
		}
	}
}
