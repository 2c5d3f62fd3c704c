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
	cmd := exec.Command(path, Command) //nolint:gosec,noctx // ourselves; its end is ours to bring about
	w := &process{cmd: cmd, out: out, in: in, gone: make(chan struct{})}
	// A descendant that kept standard error open would otherwise hold Wait for ever.
	w.cmd.Env, w.cmd.Dir, w.cmd.Stderr, w.cmd.WaitDelay = []string{}, "/", &w.said, time.Second
	w.cmd.ExtraFiles = []*os.File{requests, replies} // 3 and 4: what a library prints must not get into the protocol
	w.cmd.SysProcAttr = attributes(o.WorkerUID)
	if err := w.cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close(), in.Close())
	}
	go func() {
		_ = w.cmd.Wait() // how it ended is in ProcessState
		close(w.gone)
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

// do sends q and waits for its reply. The end of ctx kills the worker: that is how a statement is cancelled, since many
// never ask whether they should stop.
func (w *process) do(ctx context.Context, q request) (r reply, err error) {
	stop := context.AfterFunc(ctx, func() { _ = w.cmd.Process.Kill() })
	defer stop()
	if err = send(w.out, q); err == nil {
		err = receive(w.in, maxReply, &r)
	}
	switch {
	case err != nil:
		w.close()
		return reply{}, fmt.Errorf("%w: %w: %v: %s", errStopped, err, w.cmd.ProcessState, w.said.String())
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

// close kills the worker and waits for its end.
func (w *process) close() {
	_ = w.cmd.Process.Kill()
	<-w.gone
	_ = w.in.Close()
	_ = w.out.Close()
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
