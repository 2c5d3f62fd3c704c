package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Command is the argument that makes the binary a worker: its main must then call Work and do nothing else.
const Command = "work"

// errStopped says that a worker ended, or sent what no worker sends, before it answered.
var errStopped = errors.New("worker stopped")

// process is the portal's end of a worker.
type process struct {
	cmd  *exec.Cmd
	out  *os.File
	in   *os.File
	said tail          // the end of what it wrote to standard error
	gone chan struct{} // closed when the process has ended
}

// grace is how long anything may take that is over at once unless the kernel or a stranger stands in the way: the end of a
// killed process, and the end of its pipes, which a descendant of it could hold open.
const grace = time.Second

// start makes a worker that waits for its job.
func start(o Options) (*process, error) {
	requests, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer requests.Close()
	in, replies, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	defer replies.Close()
	path, err := self()
	if err != nil {
		return nil, errors.Join(err, out.Close(), in.Close())
	}
	cmd := exec.Command(path, o.command) //nolint:gosec,noctx // ourselves; its end is ours to bring about
	w := &process{cmd: cmd, out: out, in: in, gone: make(chan struct{})}
	// A descendant that kept standard error open would otherwise hold Wait for ever.
	w.cmd.Env, w.cmd.Dir, w.cmd.Stderr, w.cmd.WaitDelay = []string{}, "/", &w.said, grace
	w.cmd.ExtraFiles = []*os.File{requests, replies} // 3 and 4: what a library prints must not get into the protocol
	w.cmd.SysProcAttr = attributes(o.WorkerUID)
	if err := w.cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close(), in.Close())
	}
	go func() {
		_ = w.cmd.Wait() // how it ended is in ProcessState
		close(w.gone)
		time.AfterFunc(grace, w.hangUp) // its last words are read by then
	}()
	l := limits{
		AddressSpace: uint64(3*gib + 2*o.Memory),                              //nolint:gosec // an operator's setting
		CPU:          uint64(o.QueryTimeout.Seconds())*uint64(o.Threads) + 60, //nolint:gosec // likewise
		FileSize:     uint64(o.Spill),                                         //nolint:gosec // likewise
		Threads:      threadLimit(),
	}
	if err := send(out, request{Limits: &l}); err != nil {
		w.close()
		return nil, fmt.Errorf("%w: %w", errStopped, err)
	}
	return w, nil
}

func (w *process) alive() bool {
	select {
	case <-w.gone:
		return false
	default:
		return true
	}
}

// do sends q and waits for its reply, at most until grace after the worker's end. The end of ctx kills the worker: that is
// how a statement is cancelled, since many never ask whether they should stop.
func (w *process) do(ctx context.Context, q request) (r reply, err error) {
	stop := context.AfterFunc(ctx, w.kill)
	defer stop()
	if err = send(w.out, q); err == nil {
		err = receive(w.in, maxReply, &r)
	}
	switch {
	case err != nil:
		w.close()
		return reply{}, fmt.Errorf("%w: %w: %s: %s", errStopped, err, w.end(), w.said.String())
	case r.Refused != "" || r.Failed != "":
		return reply{}, &failure{r.Stage, r.Refused, r.Failed}
	}
	return r, nil
}

// rows runs a statement of ours and returns its rows as text.
func (w *process) rows(ctx context.Context, t task) (reply, error) {
	if t.Limit == 0 {
		t.Limit = 1 << 20
	}
	t.Bytes = maxRows
	r, err := w.do(ctx, request{Task: &t})
	if err != nil {
		return r, err
	}
	return r, r.check()
}

// check finds what no worker sends.
func (r *reply) check() error {
	for _, row := range r.Rows {
		if len(row) != len(r.Columns) {
			return fmt.Errorf("%w: a row of %d values for %d columns", errStopped, len(row), len(r.Columns))
		}
	}
	return nil
}

// kill ends the worker, and what waits for it even if its end is not seen.
func (w *process) kill() {
	_ = w.cmd.Process.Kill()
	time.AfterFunc(grace, w.hangUp)
}

// hangUp closes the pipes, which ends every read and write of them. It may be called any number of times.
func (w *process) hangUp() {
	_ = w.in.Close()
	_ = w.out.Close()
}

// close kills the worker and waits for its end, but not for one that the kernel holds.
func (w *process) close() {
	_ = w.cmd.Process.Kill()
	select {
	case <-w.gone:
	case <-time.After(2 * grace): // Wait may take one of its own
	}
	w.hangUp()
}

// end says how the process ended.
func (w *process) end() string {
	if w.alive() {
		return "not seen to end"
	}
	return w.cmd.ProcessState.String()
}

// failure is what a worker reports instead of a result.
type failure struct{ stage, refused, failed string }

func (f *failure) Error() string { return "worker: " + f.stage + ": " + f.refused + f.failed }

// tail keeps the last bytes written to it.
type tail struct {
	mu  sync.Mutex
	end []byte
}

const tailBytes = 2048

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p[max(0, len(p)-tailBytes):]...)
	t.end = t.end[max(0, len(t.end)-tailBytes):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.end)
}
