package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func alone(int) error { return nil }

func TestProgramsStatusIsReturned(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -9 $$": 137} {
		if got, err := runProgram(t.Context(), []string{"/bin/sh", "-c", script}, "file", alone); got != want || err != nil {
			t.Errorf("%s: %d, %v", script, got, err)
		}
	}
	if got, err := runProgram(t.Context(), []string{"/there/is/none"}, "file", alone); got != 127 || err == nil {
		t.Errorf("a missing program: %d, %v", got, err)
	}
}

func TestProgramFindsTheDescription(t *testing.T) {
	t.Parallel()
	script := `test "$PORTREEVE_TEST_STACK" = /a/file`
	if got, err := runProgram(t.Context(), []string{"/bin/sh", "-c", script}, "/a/file", alone); got != 0 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
}

func TestInterruptReachesTheProgram(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "said")
	const script = `trap 'echo interrupted >>"$1"; exit 0' INT; echo ready >>"$1"; while :; do sleep 0.05; done`
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan int)
	go func() {
		status, _ := runProgram(ctx, []string{"/bin/sh", "-c", script, "sh", file}, "file", alone)
		done <- status
	}()
	said := func() string {
		text, _ := os.ReadFile(file)
		return string(text)
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(said(), "ready"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the program does not start")
		}
	}
	cancel()
	if status := <-done; status != 130 || !strings.Contains(said(), "interrupted") {
		t.Errorf("status %d, it said %q", status, said())
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"start"}, {"run"}, {"up", "--color"}} {
		if got := command(args); got != 2 {
			t.Errorf("%v: %d", args, got)
		}
	}
}
