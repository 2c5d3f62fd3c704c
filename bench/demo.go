package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// demoCommand measures how long the demo takes to be ready: cold, in a new folder, and warm, on its own data.
func demoCommand(ctx context.Context, out io.Writer, args []string) error {
	f := flags("demo")
	runs := f.Int("runs", 5, "warm starts")
	if err := f.Parse(args); err != nil {
		return err
	}
	binary, remove, err := build(ctx)
	if err != nil {
		return err
	}
	defer remove()
	home, err := os.MkdirTemp("", "portreeve-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	if err := os.Chmod(home, 0o755); err != nil { //nolint:gosec // Postgres runs as another user
		return err
	}
	cold, _, err := demoStart(ctx, binary, home)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "demo, cold start to ready: %.1f s  limit: 60 s\n", cold.Seconds())
	var warm []time.Duration
	var memory int64
	for range *runs {
		took, rss, err := demoStart(ctx, binary, home)
		if err != nil {
			return err
		}
		warm, memory = append(warm, took), max(memory, rss)
	}
	slices.Sort(warm)
	fmt.Fprintf(out, "demo, warm start to ready: median %.2f s, slowest %.2f s of %d  limit: 3 s\n",
		warm[len(warm)/2].Seconds(), warm[len(warm)-1].Seconds(), len(warm))
	fmt.Fprintf(out, "demo, memory of the portal (RSS) when ready: %d MB  limit: 150 MB\n", memory>>20)
	return nil
}

// demoStart starts a demo on home, waits until it is ready and stops it.
func demoStart(ctx context.Context, binary, home string) (took time.Duration, rss int64, err error) {
	listen, ops, err := twoPorts()
	if err != nil {
		return 0, 0, err
	}
	cmd := exec.CommandContext(ctx, binary, "demo") //nolint:gosec // built here
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PORTREEVE_HOME=" + home, "PORTREEVE_LISTEN=" + listen, "PORTREEVE_OPS_LISTEN=" + ops}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	lines := bufio.NewScanner(stdout)
	for took == 0 && lines.Scan() {
		if strings.Contains(lines.Text(), "ready: ") {
			took = time.Since(start)
			rss = (&portal{cmd: cmd}).peak()
		}
	}
	_ = cmd.Process.Signal(os.Interrupt)
	_, _ = io.Copy(io.Discard, stdout)
	if err := cmd.Wait(); err != nil {
		return 0, 0, err
	}
	if took == 0 {
		return 0, 0, errors.New("the demo ended before it was ready")
	}
	return took, rss, nil
}
