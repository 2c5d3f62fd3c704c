// Package duckdb reads the rows of planned snapshots with DuckDB, in child processes that can read the data files of their
// job, write one folder, and nothing else.
//
// The engine never runs in the portal's process. A worker is the same binary, started with an empty environment and, on
// Linux, fenced by resource limits, seccomp and Landlock before it opens the engine, which is then locked as well. It does
// the work of one job and is killed at the job's end or deadline. What comes back from it is bounded and believed only as
// data. See worker.go for the child's end and process.go for the portal's.
package duckdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"portreeve/fault"
)

// Options says what workers may use. The zero value of each field means its default.
type Options struct {
	Dir            string        // for results and spill, must be enterable by WorkerUID; default a new folder in os.TempDir
	Memory         int64         // bytes the engine may use before it spills; default 512 MiB
	Spill          int64         // bytes on disk a job may use; default 8 GiB
	Threads        int           // of one worker; default 4, or the number of processors if that is less
	Parallel       int           // workers with a job at once, others wait; default 4
	Warm           int           // idle workers kept ready; default 1, negative none
	WorkerUID      uint32        // user and group id of workers when the portal runs as root; default 64001
	ProfileTimeout time.Duration // default 60 s
	SampleTimeout  time.Duration // for Sample and Count; default 10 s
	QueryTimeout   time.Duration // for Export and Run; default 10 min
	Log            *slog.Logger  // default discards

	command string // the worker's argument; default Command, tests have workers that misbehave
}

const (
	mib = 1 << 20
	gib = 1 << 30
)

// withDefaults returns o with its zero fields filled in.
func (o Options) withDefaults() Options {
	setDefault(&o.Memory, 512*mib)
	setDefault(&o.Spill, 8*gib)
	setDefault(&o.Threads, min(4, runtime.GOMAXPROCS(0)))
	setDefault(&o.Parallel, 4)
	setDefault(&o.Warm, 1)
	setDefault(&o.WorkerUID, 64001)
	setDefault(&o.ProfileTimeout, time.Minute)
	setDefault(&o.SampleTimeout, 10*time.Second)
	setDefault(&o.QueryTimeout, 10*time.Minute)
	setDefault(&o.Log, slog.New(slog.DiscardHandler))
	setDefault(&o.command, Command)
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Engine runs jobs in workers. It implements catalog.Reader and is safe for concurrent use.
type Engine struct {
	o    Options
	busy chan struct{} // one element for each worker that has a job
	idle chan *process
	quit context.CancelFunc // ends the filling of the pool
	done context.Context

	mu     sync.Mutex
	dir    string // our own folder below Options.Dir, made when it is first needed
	warned bool   // that the kernel cannot fence workers
	fill   sync.WaitGroup
}

// New returns an engine. No process is started and nothing is written before the first job.
func New(o Options) *Engine {
	o = o.withDefaults()
	e := &Engine{o: o, busy: make(chan struct{}, o.Parallel), idle: make(chan *process, max(0, o.Warm))}
	e.done, e.quit = context.WithCancel(context.Background())
	return e
}

// Close kills idle workers and removes the engine's folder. Jobs that still run fail.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.quit() // under the lock: nothing is added to fill from here on
	e.mu.Unlock()
	e.fill.Wait()
	for {
		select {
		case w := <-e.idle:
			w.close()
			continue
		default:
		}
		break
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dir == "" {
		return nil
	}
	return os.RemoveAll(e.dir)
}

// worker returns an idle worker, or a new one when there is none that lives.
func (e *Engine) worker() (w *process, warm bool, err error) {
	for {
		select {
		case w := <-e.idle:
			if w.alive() {
				return w, true, nil
			}
			w.close()
		default:
			w, err := start(e.o)
			return w, false, err
		}
	}
}

// refill starts workers in the background until the pool is full.
func (e *Engine) refill() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done.Err() != nil || len(e.idle) == cap(e.idle) {
		return
	}
	e.fill.Go(func() {
		w, err := start(e.o)
		if err != nil {
			e.o.Log.Warn("engine worker not started", "error", err)
			return
		}
		select {
		case e.idle <- w:
		default:
			w.close()
		}
	})
}

// folder makes the folder of one job, which belongs to the worker's user.
func (e *Engine) folder() (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.done.Err() != nil {
		return "", errClosed
	}
	if e.dir == "" {
		if e.o.Dir != "" {
			if err := os.MkdirAll(e.o.Dir, 0o755); err != nil {
				return "", noFolder(err)
			}
		}
		dir, err := os.MkdirTemp(e.o.Dir, "portreeve-worker-")
		if err != nil {
			return "", noFolder(err)
		}
		if e.dir, err = filepath.Abs(dir); err != nil {
			return "", err
		}
		if err := os.Chmod(e.dir, 0o711); err != nil { //nolint:gosec // workers of another user pass through, and cannot list it
			return "", err
		}
	}
	dir, err := os.MkdirTemp(e.dir, "job-")
	if err != nil {
		return "", noFolder(err)
	}
	return dir, giveTo(dir, e.o.WorkerUID)
}

var errClosed = errors.New("the engine is closed")

func noFolder(err error) error {
	return fault.Unavailablef(err, "the engine's folder for results cannot be written")
}

// session is a worker with its job set up.
type session struct {
	*process
	dir string // the one folder the worker may write
}

// run sets a worker up for j and calls f with it. The worker is killed when f returns, or at the timeout. The error is
// fit for people.
func (e *Engine) run(ctx context.Context, timeout time.Duration, j job, f func(context.Context, session) error) error {
	if !linked {
		return fault.Unavailablef(nil, "this portreeve was built without DuckDB")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, tooLong(timeout))
	defer cancel()
	err := checkFiles(j.Views, e.o.WorkerUID)
	if err == nil {
		err = e.inWorker(ctx, j, f)
	}
	return explain(ctx, j.Views, err)
}

func (e *Engine) inWorker(ctx context.Context, j job, f func(context.Context, session) error) error {
	select {
	case e.busy <- struct{}{}:
		defer func() { <-e.busy }()
	case <-ctx.Done():
		return ctx.Err()
	}
	dir, err := e.folder()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	j.Dir, j.Memory, j.Spill = dir, e.o.Memory, e.o.Spill
	setDefault(&j.Threads, e.o.Threads)
	w, err := e.assign(ctx, j)
	if err != nil {
		return err
	}
	defer e.refill()
	defer w.close()
	return f(ctx, session{w, dir})
}

// assign gives j to a worker. An idle one may have died a moment ago: then a new one gets it.
func (e *Engine) assign(ctx context.Context, j job) (*process, error) {
	for {
		w, warm, err := e.worker()
		if err != nil {
			return nil, err
		}
		r, err := w.do(ctx, request{Job: &j})
		if err == nil {
			e.warnUnfenced(ctx, r.Unfenced)
			return w, nil
		}
		w.close()
		if !warm || ctx.Err() != nil || !errors.Is(err, errStopped) {
			e.refill()
			return nil, err
		}
	}
}

func (e *Engine) warnUnfenced(ctx context.Context, why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if why != "" && !e.warned {
		e.warned = true
		e.o.Log.WarnContext(ctx, "engine workers are not fenced by the kernel; people's SQL is refused", "reason", why)
	}
}

// tooLong is the cause of a context that ended because a job took longer than it may.
type tooLong time.Duration

func (t tooLong) Error() string {
	return fmt.Sprintf("took longer than %s and was stopped", seconds(time.Duration(t)))
}

func seconds(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return d.String()
}
