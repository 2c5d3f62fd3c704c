//go:build unix

package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

const (
	socketPort = 5432       // part of the socket's name; no port is opened
	superuser  = "postgres" // the role that owns the server, whatever the account is called
	maxLog     = 10 << 20   // bytes of postgres.log that are kept at a start
)

// command returns a program of the server, run as its account. It inherits the lock of the folder.
func (h *home) command(ctx context.Context, bin binaries, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(bin.dir, name), args...) //nolint:gosec // a program of the binaries found
	c.Dir = "/"
	c.Env = []string{"PATH=" + bin.dir + ":/usr/bin:/bin", "HOME=" + h.dir, "LC_ALL=C", "TZ=UTC"}
	c.ExtraFiles = []*os.File{h.lock}
	// A group of its own: Ctrl-C in a terminal is for us, and we stop the server when our work is done.
	c.SysProcAttr = &syscall.SysProcAttr{Credential: h.as.credential(), Setpgid: true}
	bind(c.SysProcAttr)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGINT) }
	c.WaitDelay = 10 * time.Second
	return c
}

// initialize makes the data folder. It appears under its name only when it is whole.
func (h *home) initialize(ctx context.Context, bin binaries, more map[string]string) error {
	runtime.LockOSThread() // bind's signal is sent when the thread ends
	defer runtime.UnlockOSThread()
	if err := os.Mkdir(h.unfinished(), 0o700); err != nil {
		return unusable(h.unfinished(), err)
	}
	err := h.as.give(h.unfinished())
	if err == nil {
		args := append([]string{"-D", h.unfinished(), "-U", superuser, "-A", "trust", "--encoding=UTF8", "--no-instructions"}, locale(bin.major)...)
		if more["fsync"] == "off" {
			args = append(args, "--no-sync")
		}
		var out []byte
		out, err = h.command(ctx, bin, "initdb", args...).CombinedOutput()
		if err != nil {
			err = fault.Unavailablef(fmt.Errorf("initdb: %w: %s", err, out), "cannot make a database in %s: %s", h.dir, complaint(out))
		}
	}
	if err == nil {
		if err = os.Rename(h.unfinished(), h.data()); err == nil {
			return nil
		}
		err = unusable(h.data(), err)
	}
	_ = os.RemoveAll(h.unfinished())
	return err
}

// locale returns initdb's flags for code point order with Unicode letter case, on every system.
func locale(major int) []string {
	switch {
	case major >= 17:
		return []string{"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}
	case runtime.GOOS == "darwin":
		return []string{"--locale=en_US.UTF-8", "--lc-collate=C"}
	}
	return []string{"--locale=C.UTF-8"}
}

// server is a running postgres.
type server struct {
	cmd      *exec.Cmd
	lock     *os.File
	log      string // its file
	logStart int64  // where this run's lines begin
	stopping sync.Once
	asked    chan struct{} // closed by stop
	exited   chan struct{} // closed when the process has ended; err is set then
	died     chan struct{} // closed when it ended and was not asked to
	err      error
	stopErr  error
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// launch starts postgres on the data of h with a socket in the folder socket.
func (h *home) launch(ctx context.Context, bin binaries, socket string, settings map[string]string) (*server, error) {
	if err := h.as.give(h.data()); err != nil {
		return nil, err
	}
	logFile, start, err := openLog(h.logFile())
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	args := []string{"-D", h.data(), "-k", socket, "-h", "", "-p", strconv.Itoa(socketPort)}
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", k+"="+settings[k])
	}
	cmd := h.command(context.WithoutCancel(ctx), bin, "postgres", args...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	s := &server{
		cmd: cmd, lock: h.lock, log: h.logFile(), logStart: start,
		asked: make(chan struct{}), exited: make(chan struct{}), died: make(chan struct{}),
	}
	started := make(chan error)
	go s.run(started)
	if err := <-started; err != nil {
		return nil, fault.Unavailablef(err, "cannot run %s", cmd.Path)
	}
	return s, nil
}

// run holds one thread for the life of the server: bind's signal is sent when the thread that started it ends.
func (s *server) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := s.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	s.err = s.cmd.Wait()
	close(s.exited)
	select {
	case <-s.asked:
	default:
		close(s.died)
	}
}

// openLog opens the server's log for appending, emptied when it has grown too long, and returns its length.
func openLog(name string) (*os.File, int64, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // in our home
	if err != nil {
		return nil, 0, unusable(name, err)
	}
	st, err := f.Stat()
	if err == nil && st.Size() <= maxLog {
		return f, st.Size(), nil
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, unusable(name, err)
	}
	return f, 0, nil
}

// ready waits until the server answers at url. Recovery after a crash may take its time.
func (s *server) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.exited:
			return fault.Unavailablef(s.err, "Postgres did not start: %s (more in %s)", s.complaint(), s.log)
		case <-ctx.Done():
			return fault.Unavailablef(err, "Postgres does not answer: %s (more in %s)", s.complaint(), s.log)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// complaint returns what this run's log says to be wrong.
func (s *server) complaint() string {
	f, err := os.Open(s.log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if _, err := f.Seek(s.logStart, io.SeekStart); err != nil {
		return err.Error()
	}
	b, _ := io.ReadAll(io.LimitReader(f, 64<<10))
	return complaint(b)
}

// complaint returns the line of a Postgres program's output that names the trouble, with its hint.
func complaint(out []byte) string {
	found, last := "", "no reason given"
	for line := range bytes.Lines(out) {
		text := strings.TrimSpace(string(line))
		if _, hint, ok := strings.Cut(text, "HINT: "); ok && found != "" {
			return found + " (" + strings.TrimSpace(hint) + ")"
		}
		for _, mark := range []string{"PANIC: ", "FATAL: ", "error: "} {
			if _, what, ok := strings.Cut(text, mark); ok && found == "" && !strings.Contains(what, "the database system is") { // that one is our own asking
				found = strings.TrimSpace(what)
			}
		}
		if text != "" {
			last = text
		}
	}
	return cmp.Or(found, last)
}

// stop ends the server and lets go of its folder. Nil when it ended as asked.
func (s *server) stop() error {
	s.stopping.Do(func() {
		close(s.asked)
		select {
		case <-s.exited:
			s.stopErr = fmt.Errorf("postgres ended by itself, %v: %s", s.cmd.ProcessState, s.complaint())
		default:
			s.stopErr = s.end()
		}
		_ = s.lock.Close()
	})
	return s.stopErr
}

// end signals the server harder and harder until it is gone.
func (s *server) end() error {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{
		{syscall.SIGINT, 20 * time.Second}, // cut the connections, write everything down
		{syscall.SIGQUIT, 5 * time.Second}, // recover at the next start
		{syscall.SIGKILL, 5 * time.Second},
	} {
		if err := s.cmd.Process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case <-s.exited:
			if step.signal != syscall.SIGINT {
				return fmt.Errorf("postgres ended only by signal %v", step.signal)
			}
			return nil
		case <-time.After(step.wait):
		}
	}
	return errors.New("postgres does not end")
}
