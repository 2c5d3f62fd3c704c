package dbt

import (
	"cmp"
	"context"
	"io"
	"strings"
	"time"
)

// runResult is a result as run_results.json has it.
type runResult struct {
	ID       text    `json:"unique_id"`
	Status   text    `json:"status"`
	Message  text    `json:"message"`
	Failures number  `json:"failures"`
	Seconds  float64 `json:"execution_time"`
	Adapter  struct {
		Rows number `json:"rows_affected"`
	} `json:"adapter_response"`
	Timing []struct {
		CompletedAt text `json:"completed_at"`
	} `json:"timing"`
}

// notRuns are the commands that write run_results.json though they run nothing: every test then "succeeds".
var notRuns = map[string]bool{
	"compile": true, "generate": true, "docs generate": true, "list": true, "ls": true, "parse": true, "show": true,
}

// readResults adds the results of a run_results.json to the index. Of two results of one node the newer counts.
func (x *index) readResults(ctx context.Context, src io.Reader, file string) error {
	w := &walk{scan: newScanner(cancellable{ctx, src}), file: file, x: x}
	var head metadata
	var args struct {
		Which text `json:"which"`
	}
	found := map[string]result{}
	err := w.scan.object(func(key string) (err error) {
		switch key {
		case "metadata":
			_, err = w.decode(&head)
		case "args":
			_, err = w.decode(&args)
		case "results":
			err = w.scan.array(func() error { return w.result(found) })
		default:
			err = w.scan.skip()
		}
		return err
	})
	if err := w.end(err); err != nil {
		return err
	}
	if notRuns[string(args.Which)] {
		return nil
	}
	for id, r := range found {
		if r.At == nil {
			r.At = moment(head.GeneratedAt)
		}
		if before, twice := x.Results[id]; !twice || !newer(before.At, r.At) {
			x.Results[id] = r
		}
	}
	return nil
}

// newer reports whether a is after b.
func newer(a, b *time.Time) bool { return a != nil && (b == nil || a.After(*b)) }

func (w *walk) result(found map[string]result) error {
	var n runResult
	at, err := w.decode(&n)
	if err != nil || n.ID == "" {
		return err
	}
	r := result{
		Status: strings.ToLower(short(string(n.Status))), Seconds: max(n.Seconds, 0),
		Rows: n.Adapter.Rows.count(), Failures: n.Failures.count(), Sum: at.Sum,
	}
	if r.Status != "pass" && r.Status != "success" { // then it says no more than that
		r.Message = bound(string(n.Message), maxMessage)
	}
	for _, t := range n.Timing {
		if at := moment(t.CompletedAt); newer(at, r.At) {
			r.At = at
		}
	}
	found[string(n.ID)] = r
	return w.keep(string(n.ID), r.Message)
}

// readFreshness adds the results of a sources.json to the index.
func (x *index) readFreshness(ctx context.Context, src io.Reader, file string) error {
	w := &walk{scan: newScanner(cancellable{ctx, src}), file: file, x: x}
	err := w.scan.object(func(key string) error {
		if key != "results" {
			return w.scan.skip()
		}
		return w.scan.array(func() error {
			var n struct {
				ID          text `json:"unique_id"`
				Status      text `json:"status"`
				Error       text `json:"error"`
				MaxLoadedAt text `json:"max_loaded_at"`
				CheckedAt   text `json:"snapshotted_at"`
			}
			at, err := w.decode(&n)
			if err != nil || n.ID == "" {
				return err
			}
			f := loaded{short(string(n.Status)), stamp(n.MaxLoadedAt), stamp(n.CheckedAt), at.Sum}
			if n.Error != "" {
				f.Status = bound(strings.TrimSpace(cmp.Or(f.Status, "error")+": "+string(n.Error)), maxMessage)
			}
			x.Fresh[string(n.ID)] = f
			return w.keep(string(n.ID), f.Status)
		})
	})
	return w.end(err)
}

// stamp spells a time as people and programs can read it, "" if it is none.
func stamp(s text) string {
	if at := moment(s); at != nil {
		return at.Format(time.RFC3339)
	}
	return ""
}

// readBuilt adds to the index where catalog.json has what.
func (x *index) readBuilt(ctx context.Context, src io.Reader, file string) error {
	w := &walk{scan: newScanner(cancellable{ctx, src}), file: file, x: x}
	err := w.scan.object(func(key string) error {
		if key != "nodes" && key != "sources" {
			return w.scan.skip()
		}
		return w.scan.object(func(id string) error {
			at, err := w.take()
			if err != nil {
				return err
			}
			x.Built[id] = builtIn{at}
			return w.keep(id)
		})
	})
	return w.end(err)
}
