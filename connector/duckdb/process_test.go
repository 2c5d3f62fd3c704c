//go:build !noduckdb

package duckdb

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

var nothing = job{Views: []view{{Schema: "raw", Name: "t", Plan: catalog.Plan{Key: catalog.Key{Name: "raw.t"}}}}}

func TestKilledWorkerIsReported(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	defer e.Close()
	err := e.run(t.Context(), time.Minute, nothing, func(ctx context.Context, s session) error {
		time.AfterFunc(100*time.Millisecond, func() { _ = s.cmd.Process.Signal(syscall.SIGKILL) })
		_, err := s.rows(ctx, task{SQL: "SELECT levenshtein(repeat('a', 2000000), repeat('b', 2000000))"})
		return err
	})
	if fault.KindOf(err) != fault.Unavailable || fault.Message(err) != "the engine stopped" {
		t.Errorf("error %v", err)
	}
}

func TestIdleWorkerThatDiedIsReplaced(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	defer e.Close()
	w, err := start(e.o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	e.idle <- w
	if n, err := e.Count(t.Context(), catalog.Plan{Key: catalog.Key{Name: "raw.t"}}); err != nil || n != 0 {
		t.Errorf("%d, %v", n, err)
	}
}

// TestWorkerDiesWithItsPortal is the portal itself when it is started with portalEnv: it prints the id of a worker that is
// busy for hours, and is then killed.
func TestWorkerDiesWithItsPortal(t *testing.T) {
	t.Parallel()
	const portalEnv = "PORTREEVE_TEST_PORTAL"
	if os.Getenv(portalEnv) != "" {
		e := New(Options{})
		_ = e.run(t.Context(), time.Hour, nothing, func(ctx context.Context, s session) error {
			time.AfterFunc(200*time.Millisecond, func() { fmt.Println("worker", s.cmd.Process.Pid) })
			_, err := s.rows(ctx, task{SQL: "SELECT levenshtein(repeat('a', 2000000), repeat('b', 2000000))"})
			return err
		})
		return
	}
	portal := exec.Command("/proc/self/exe", "-test.run=^TestWorkerDiesWithItsPortal$")
	portal.Env = append(os.Environ(), portalEnv+"=1")
	out, err := portal.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := portal.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "worker %d", &pid) // other lines are the test's own
	}
	if pid == 0 || syscall.Kill(pid, 0) != nil {
		t.Fatalf("no worker %d", pid)
	}
	if err := portal.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = portal.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for tick := time.NewTicker(5 * time.Millisecond); alive(pid); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the worker lives on")
		}
	}
}

// alive reports whether a process runs; one that nobody has waited for yet does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}

func frame(n uint32, body string) string {
	return string(binary.BigEndian.AppendUint32(nil, n)) + body
}

func TestWhatAWorkerSendsIsBounded(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, sent string }{
		{"no reply", ""},
		{"half a head", "\x00\x00"},
		{"a length and no more", frame(maxReply, "")},
		{"too long", frame(maxReply+1, strings.Repeat("x", 1000))},
		{"4 GiB announced", frame(1<<32-1, "x")},
		{"not JSON", frame(5, "hello")},
		{"another shape", frame(10, `{"Rows":7}`)},
		{"deep nesting", frame(200_000, `{"Rows":`+strings.Repeat("[", 199_992))},
		{"a row of another width", frame(uint32(len(ragged)), ragged)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, w := io.Pipe()
			go func() {
				_, _ = io.WriteString(w, tt.sent)
				_ = w.Close()
			}()
			var got reply
			err := receive(r, maxReply, &got)
			if err == nil {
				err = got.check()
			}
			if err == nil {
				t.Errorf("accepted: %+v", got)
			}
		})
	}
}

const ragged = `{"Columns":[{"Name":"a"}],"Rows":[["1"],["2","3"]]}`

func TestWorkWithoutAPortalRefuses(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/proc/self/exe", Command)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(string(out), "started by the portal itself") {
		t.Errorf("%v: %s", err, out)
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{
		frame(2, "{}"), frame(uint32(len(ragged)), ragged), frame(9, `{"Rows":0`), frame(maxReply, ""),
		frame(52, `{"Columns":[{"Name":"a","Type":"INTEGER"}],"Rows":[]}`), frame(4, "null"),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r reply
		if err := receive(strings.NewReader(string(data)), 1<<16, &r); err != nil || r.check() != nil {
			return
		}
		p := subject{ColumnProfile: &catalog.ColumnProfile{Histogram: &catalog.Histogram{Counts: make([]int64, 20)}}}
		if err := putSpread([]subject{p}, r.Rows); err == nil && len(p.Top) > len(r.Rows) {
			t.Errorf("%d values of %d rows", len(p.Top), len(r.Rows))
		}
	})
}
