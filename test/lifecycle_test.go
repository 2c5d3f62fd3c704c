package test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const flightsPage = "/d/lake/raw.flights"

// nobody is an unprivileged user that every Unix has.
const nobody = 65534

func wantFlights(t *testing.T, r *running) {
	t.Helper()
	if code, body := r.get(t, flightsPage); code != http.StatusOK || !strings.Contains(body, "336,776") {
		t.Fatalf("the page of raw.flights: status %d, 336,776 rows shown: %t\n%s", code, strings.Contains(body, "336,776"), r.output)
	}
	if code, body := r.get(t, flightsPage+"/sample"); code != http.StatusOK || !strings.Contains(body, "JFK") {
		t.Fatalf("the sample of raw.flights: status %d\n%s", code, r.output)
	}
}

// A newcomer clones the repository and does what the README says.
func TestCleanCloneAsREADMESays(t *testing.T) {
	t.Parallel()
	top, err := exec.CommandContext(t.Context(), "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Fatal(err)
	}
	clone := filepath.Join(openDir(t), "clone")
	if out, err := exec.CommandContext(t.Context(), "git", "clone", "-q", "--no-hardlinks", strings.TrimSpace(string(top)), clone).CombinedOutput(); err != nil {
		t.Fatalf("clone: %v\n%s", err, out)
	}
	readme, err := os.ReadFile(filepath.Join(clone, "README.md"))
	if err != nil || !strings.Contains(string(readme), "make demo") || !strings.Contains(string(readme), "make test") {
		t.Fatalf("the README does not name its two commands: %v", err)
	}
	if out, err := exec.CommandContext(t.Context(), "make", "-C", clone, "build").CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, out)
	}
	built := filepath.Join(clone, "bin", "portreeve")
	users := map[string]uint32{"as ourselves": 0}
	if os.Geteuid() == 0 {
		users["as another user"] = nobody
	}
	for name, uid := range users {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := openDir(t)
			if uid != 0 {
				if err := os.Chown(home, int(uid), int(uid)); err != nil {
					t.Fatal(err)
				}
			}
			first := startDemo(t, demoOptions{home: home, uid: uid, path: built})
			wantFlights(t, first)
			first.stop()
			second := startDemo(t, demoOptions{home: home, uid: uid, path: built})
			wantFlights(t, second)
			t.Logf("cold %v, warm %v", first.took.Round(time.Millisecond), second.took.Round(time.Millisecond))
		})
	}
}

func TestKillWorker(t *testing.T) {
	t.Parallel()
	r := startDemo(t, demoOptions{})
	wantFlights(t, r)
	for _, pid := range children(r.cmd.Process.Pid, "work") {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a sample after every worker was killed", func() bool {
		code, body := r.get(t, flightsPage+"/sample")
		return code == http.StatusOK && strings.Contains(body, "JFK")
	})
}

func TestKillPortal(t *testing.T) {
	t.Parallel()
	r := startDemo(t, demoOptions{})
	servers := children(r.cmd.Process.Pid, "postgres")
	workers := children(r.cmd.Process.Pid, "work")
	if len(servers) == 0 {
		t.Fatal("no Postgres runs below the portal")
	}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	r.cmd = nil
	eventually(t, "Postgres and the workers end with the portal", func() bool {
		for _, pid := range append(servers, workers...) {
			if syscall.Kill(pid, 0) == nil {
				return false
			}
		}
		return true
	})
	wantFlights(t, startDemo(t, demoOptions{home: r.home}))
}

func TestKillPostgres(t *testing.T) {
	t.Parallel()
	r := startDemo(t, demoOptions{})
	servers := children(r.cmd.Process.Pid, "postgres")
	if len(servers) == 0 {
		t.Fatal("no Postgres runs below the portal")
	}
	if err := syscall.Kill(servers[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the portal brings its Postgres up again", func() bool {
		again := children(r.cmd.Process.Pid, "postgres")
		code, body := r.get(t, flightsPage)
		return len(again) > 0 && again[0] != servers[0] && code == http.StatusOK && strings.Contains(body, "336,776")
	})
}

func TestDamagedFileIsNamedOnItsTableOnly(t *testing.T) {
	t.Parallel()
	r := startDemo(t, demoOptions{})
	files, err := filepath.Glob(filepath.Join(r.home, "lake", "raw*", "airlines*", "data", "*.parquet"))
	if more, _ := filepath.Glob(filepath.Join(r.home, "lake", "*", "airlines*", "data", "*.parquet")); len(files) == 0 {
		files = more
	}
	if err != nil || len(files) == 0 {
		t.Fatalf("no data files of raw.airlines below %s: %v", r.home, err)
	}
	for _, f := range files {
		if err := os.Truncate(f, 100); err != nil {
			t.Fatal(err)
		}
	}
	if _, body := r.get(t, "/d/lake/raw.airlines/sample"); !strings.Contains(body, "damaged") || strings.Contains(body, r.home) {
		t.Errorf("the sample of a damaged table does not say so, or names a path of this machine")
	}
	wantFlights(t, r)
}

func TestAPI(t *testing.T) {
	t.Parallel()
	r := sharedDemo(t)
	token := r.token(t, "analyst", "read")
	code, body := r.api(t, token, http.MethodGet, "/api/v1/search?q=flights", "")
	var answer struct {
		Total int
		Items []struct{ Source, Name string }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != http.StatusOK || answer.Total == 0 {
		t.Fatalf("search: status %d, %v: %s", code, err, body)
	}
	if code, _ := r.api(t, "prt_wrong", http.MethodGet, "/api/v1/search?q=flights", ""); code != http.StatusUnauthorized {
		t.Errorf("a wrong token: status %d", code)
	}
	if code, _ := r.api(t, token, http.MethodPost, "/api/v1/crawls", `{"source":"lake"}`); code != http.StatusForbidden {
		t.Errorf("a crawl with a token that may only read: status %d", code)
	}
	code, body = r.api(t, r.token(t, "admin", "read,write"), http.MethodPost, "/api/v1/crawls", `{"source":"lake"}`)
	var crawl struct{ ID json.Number }
	if err := json.Unmarshal([]byte(body), &crawl); err != nil || code != http.StatusAccepted {
		t.Fatalf("start a crawl: status %d, %v: %s", code, err, body)
	}
	eventually(t, "the crawl finishes", func() bool {
		_, body := r.api(t, token, http.MethodGet, "/api/v1/crawls/"+crawl.ID.String(), "")
		return strings.Contains(body, `"finished"`)
	})
}
