package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"portreeve/test/stack"
	"portreeve/test/stack/launch"
)

// run starts the servers, runs a program that finds them, and ends them. It returns the program's exit status.
func run(ctx context.Context, with, program []string) (int, error) {
	if len(program) == 0 {
		return 2, errors.New("run needs a program, such as: run -- go test ./test/stack")
	}
	o, err := options(with)
	if err != nil {
		return 1, err
	}
	p, err := launch.Start(ctx, o)
	if err != nil {
		return 1, err
	}
	defer p.Stop()
	go func() {
		for err := range p.Died { // the program finds out by itself; this says why
			say("%v", err)
		}
	}()
	return runProgram(ctx, program, p.File, p.EndWithUs)
}

// runProgram runs the program in a process group of its own: an interrupt reaches it through us, once, with its children.
// started is told the group.
func runProgram(ctx context.Context, program []string, description string, started func(group int) error) (int, error) {
	c := exec.CommandContext(ctx, program[0], program[1:]...)
	c.Env = append(os.Environ(), stack.Variable+"="+description)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error {
		group := -c.Process.Pid
		time.AfterFunc(10*time.Second, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
		return syscall.Kill(group, syscall.SIGINT)
	}
	if err := c.Start(); err != nil {
		return 127, err
	}
	err := errors.Join(started(c.Process.Pid), c.Wait())
	if ctx.Err() != nil {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // what it left behind
		return 130, context.Cause(ctx)
	}
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return failed.ExitCode(), nil
	}
	if err != nil {
		return 127, err
	}
	return 0, nil
}
