//go:build unix

package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"portreeve/fault"
	"portreeve/postgres"
)

// childHome names the folder that a copy of the test binary is to run a server on, instead of tests.
const childHome = "PORTREEVE_TEST_CHILD_HOME"

// program is this test binary, for children to run.
var program string

func TestMain(m *testing.M) {
	if home := os.Getenv(childHome); home != "" {
		child(home)
		return
	}
	var err error
	if program, err = copyProgram(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(filepath.Dir(program))
	os.Exit(code)
}

// child starts a server on home, prints its process id or what a person would be told, and stops it when its input ends.
func child(home string) {
	e, err := startEmbedded(context.Background(), postgres.EmbeddedOptions{
		Home: home, RunAs: os.Getenv("PORTREEVE_TEST_CHILD_AS"),
	})
	if err != nil {
		fmt.Printf("%v: %s\n", fault.KindOf(err), fault.Message(err))
		return
	}
	fmt.Println(e.PID())
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := e.Stop(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("stopped")
}

// process is a portreeve of its own.
type process struct {
	*osexec.Cmd
	in  io.Closer
	out *bufio.Reader
}

// spawn runs child on home as the given user, or as ours when it is nil.
func spawn(t *testing.T, home string, as *syscall.Credential, env ...string) *process {
	t.Helper()
	c := osexec.Command(program)
	c.Dir = "/"
	c.Env = append(os.Environ(), append(env, childHome+"="+home)...)
	if as != nil {
		c.Env = append(c.Env, "HOME="+home, "XDG_CACHE_HOME=") // ours is closed to it
	}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	return &process{c, in, bufio.NewReader(out)}
}

// copyProgram copies this test binary to where every user may run it: go test's own folder is closed to others.
func copyProgram() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "portreeve-test-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "portreeve.test")
	return file, errors.Join(os.Chmod(dir, 0o711), os.WriteFile(file, b, 0o755))
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatal("the child said nothing:", err)
	}
	return strings.TrimSpace(line)
}

// server returns the process id of the child's server.
func (p *process) server(t *testing.T) int {
	t.Helper()
	line := p.line(t)
	var pid int
	if _, err := fmt.Sscan(line, &pid); err != nil {
		t.Fatal("the child says:", line)
	}
	return pid
}

func TestStartEmbeddedAtOnceAfterItsForerunnerWasKilled(t *testing.T) {
	t.Parallel()
	home := folder(t)
	p := spawn(t, home, nil)
	pid := p.server(t)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	next := start(t, postgres.EmbeddedOptions{Home: home})
	if next.PID() == pid {
		t.Error("it took over the old server")
	}
}

func TestEmbeddedServerOfAnotherProcessIsLeftAlone(t *testing.T) {
	t.Parallel()
	home := folder(t)
	first := spawn(t, home, nil)
	first.server(t)
	second := spawn(t, home, nil)
	want := fmt.Sprintf("conflict: another portreeve runs on this folder (pid %d): %s", first.Process.Pid, home)
	if got := second.line(t); got != want {
		t.Errorf("the second says %q, want %q", got, want)
	}
	if err := first.in.Close(); err != nil {
		t.Fatal(err)
	}
	if got := first.line(t); got != "stopped" {
		t.Errorf("the first says %q", got)
	}
}

// owner returns the user id of the owner of a file.
func owner(t *testing.T, path string) int {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(st.Sys().(*syscall.Stat_t).Uid)
}

// stranger is a user who is neither root nor who we are when we are root, or nil when we may not become one.
func stranger() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: 65534, Gid: 65534}
}

// TestEmbeddedServerRunsUnprivileged holds for whoever runs the tests; as root it tries root's ways too.
func TestEmbeddedServerRunsUnprivileged(t *testing.T) {
	t.Parallel()
	type run struct {
		name string
		as   *syscall.Credential
		env  string
		want func(uid int) bool
	}
	runs := []run{{"as we are", nil, "", func(uid int) bool { return uid != 0 }}}
	if s := stranger(); s != nil {
		runs = append(runs,
			run{"as a user without rights", s, "", func(uid int) bool { return uid == int(s.Uid) }},
			run{"as the user that root names", nil, "PORTREEVE_TEST_CHILD_AS=nobody", func(uid int) bool { return uid == 65534 }})
	}
	shared := folder(t) // so that the user root names takes over the data of another
	for _, r := range runs {
		t.Run(r.name, func(t *testing.T) {
			home := shared
			if r.as != nil {
				home = folder(t)
				if err := os.Chown(home, int(r.as.Uid), int(r.as.Gid)); err != nil {
					t.Fatal(err)
				}
			}
			p := spawn(t, home, r.as, r.env)
			p.server(t)
			// Postgres itself refuses to run as anybody but the owner of its data.
			if got := owner(t, filepath.Join(home, "pgdata", "postmaster.pid")); !r.want(got) {
				t.Errorf("the server runs as user %d", got)
			}
			if err := p.in.Close(); err != nil {
				t.Fatal(err)
			}
			if got := p.line(t); got != "stopped" {
				t.Error(got)
			}
		})
	}
}

func TestStartEmbeddedInAFolderThatIsReadOnly(t *testing.T) {
	t.Parallel()
	home := folder(t)
	if err := os.Chmod(home, 0o555); err != nil {
		t.Fatal(err)
	}
	got := spawn(t, home, stranger()).line(t)
	if !strings.HasPrefix(got, "unavailable: cannot use "+home) || !strings.Contains(got, "permission denied; free it or choose another folder") {
		t.Errorf("it says %q", got)
	}
	if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
		t.Errorf("it made %v, %v", left, err)
	}
}

// A folder below one that is closed to others works for its owner; root's server, which is not root, cannot get there.
func TestStartEmbeddedBelowAClosedFolder(t *testing.T) {
	t.Parallel()
	closed := folder(t)
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	got := spawn(t, filepath.Join(closed, "home"), nil).line(t)
	refused := strings.HasPrefix(got, "unavailable: "+closed+" is closed to the user ") && strings.Contains(got, "chmod o+x "+closed)
	if root := os.Geteuid() == 0; refused != root {
		t.Errorf("as root: %t; it says %q", root, got)
	}
	if left, err := os.ReadDir(closed); refused && (err != nil || len(left) > 0) {
		t.Errorf("it made %v, %v", left, err)
	}
}
