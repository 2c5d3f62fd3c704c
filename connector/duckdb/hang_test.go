//go:build !noduckdb

package duckdb

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

// Workers that misbehave.
const (
	exitCommand   = "misbehave-exit"   // leaves at once
	orphanCommand = "misbehave-orphan" // leaves at once, and a descendant keeps its pipes open
	muteCommand   = "misbehave-mute"   // reads and never answers
	deafCommand   = "misbehave-deaf"   // closes its end of the replies and stays
)

// misbehave is such a worker.
func misbehave(how string) {
	switch how {
	case exitCommand:
		fmt.Fprintln(os.Stderr, "left at once")
		os.Exit(3)
	case orphanCommand:
		child := exec.Command("/proc/self/exe", muteCommand)
		child.Stderr, child.ExtraFiles = os.Stderr, []*os.File{os.NewFile(3, "requests"), os.NewFile(4, "replies")}
		if err := child.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(4)
	case deafCommand:
		_ = os.NewFile(4, "replies").Close()
	}
	time.Sleep(20 * time.Second) // far beyond what any call may take, and the end of what a failed test leaves behind
}

func TestWorkerThatMisbehavesFailsEveryCallInTime(t *testing.T) {
	t.Parallel()
	long := "SELECT " + strings.Repeat(" ", mib-100) + "1" // more than a pipe holds
	plan := catalog.Plan{Key: catalog.Key{Name: "raw.t"}, Columns: []catalog.PlanColumn{{Name: "a", Type: "int"}}}
	calls := []struct {
		name string
		call func(e *Engine, dir string) error
	}{
		{"count", func(e *Engine, _ string) error { _, err := e.Count(t.Context(), plan); return err }},
		{"sample", func(e *Engine, _ string) error { _, err := e.Sample(t.Context(), plan, 5); return err }},
		{"profile", func(e *Engine, _ string) error { _, err := e.Profile(t.Context(), plan, 5); return err }},
		{"run", func(e *Engine, _ string) error { _, err := e.Run(t.Context(), nil, long, 5); return err }},
		{"export", func(e *Engine, dir string) error {
			_, err := e.Export(t.Context(), []catalog.Plan{plan}, long, filepath.Join(dir, "out.parquet"))
			return err
		}},
	}
	const limit = time.Second
	for _, tt := range []struct {
		command, want string
	}{
		{exitCommand, "the engine stopped"},
		{orphanCommand, "the engine stopped"},
		{deafCommand, "the engine stopped"},
		{muteCommand, "took longer than 1 s and was stopped"},
	} {
		for _, c := range calls {
			t.Run(tt.command+" "+c.name, func(t *testing.T) {
				t.Parallel()
				o := Options{command: tt.command}
				if tt.command == muteCommand {
					o.ProfileTimeout, o.SampleTimeout, o.QueryTimeout = limit, limit, limit
				}
				e := New(o)
				done := make(chan error, 1)
				go func() {
					err := c.call(e, t.TempDir())
					_ = e.Close()
					done <- err
				}()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				select {
				case err := <-done:
					if fault.KindOf(err) != fault.Unavailable || fault.Message(err) != tt.want {
						t.Errorf("error %v, message %q, want %q", err, fault.Message(err), tt.want)
					}
				case <-ctx.Done():
					t.Fatal("still waiting after 10 s")
				}
			})
		}
	}
}
