package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"portreeve/test/stack"
	"portreeve/test/stack/launch"
)

// lockFile is held by the process that keeps a developer's servers, which writes its number into it.
func lockFile() string { return filepath.Join(filepath.Dir(stack.File()), "stack.lock") }

// lock returns the lock of a developer's servers, or the number of the process that holds it.
func lock() (held *os.File, keeper int, err error) {
	if err := os.MkdirAll(filepath.Dir(lockFile()), 0o755); err != nil {
		return nil, 0, err
	}
	f, err := os.OpenFile(lockFile(), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, 0, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, 0, nil
	}
	defer f.Close()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, 0, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, 0, err
	}
	keeper, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || keeper <= 1 {
		return nil, 0, fmt.Errorf("%s does not say which process holds it: try again", lockFile())
	}
	return nil, keeper, nil
}

// up starts a process that keeps the servers, and returns when they answer. It shows what that process says.
func up(ctx context.Context, with, portal string) error {
	held, keeper, err := lock()
	if err != nil {
		return err
	}
	if held == nil {
		return alreadyUp(keeper, with, portal)
	}
	_ = held.Close() // the keeper takes it
	name := filepath.Join(filepath.Dir(lockFile()), "keeper.log")
	said, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // it may hold a token
	if err != nil {
		return err
	}
	defer said.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if portal != "" {
		if portal, err = filepath.Abs(portal); err != nil {
			return err
		}
	}
	c := exec.Command(self, "keep", "--with="+with, "--portal="+portal)
	c.Dir, c.Stdout, c.Stderr = "/", said, said
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return err
	}
	return follow(ctx, c, said.Name(), portal != "")
}

// follow shows what the keeper says until the servers are up or it ends. An interrupt ends it.
func follow(ctx context.Context, c *exec.Cmd, log string, portal bool) error {
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Wait() }() // its log says more than its status
	shown := 0
	show := func() {
		if text, err := os.ReadFile(log); err == nil && len(text) > shown {
			_, _ = os.Stderr.Write(text[shown:])
			shown = len(text)
		}
	}
	for {
		select {
		case <-ended:
			show()
			return errors.New("the servers did not start")
		case <-ctx.Done():
			_ = c.Process.Signal(syscall.SIGTERM)
			<-ended
			show()
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
		show()
		if s, err := stack.Read(stack.File()); err == nil && s.PID == c.Process.Pid && (s.Portal != "" || !portal) {
			show()
			return nil
		}
	}
}

// alreadyUp is what up says when there is a keeper.
func alreadyUp(keeper int, with, portal string) error {
	s, err := stack.Read(stack.File())
	if err != nil || s.PID != keeper {
		return fmt.Errorf("process %d is starting or ending them: try again in a moment", keeper)
	}
	if strings.Contains(with, "keycloak") && s.Keycloak == "" {
		return errors.New("they run without keycloak: end them first with down")
	}
	if portal != "" && s.Portal == "" {
		return errors.New("they run without a portal: end them first with down")
	}
	say("already up: process %d, %s", keeper, stack.File())
	return nil
}

// keep starts the servers and keeps them until it is told to end.
func keep(ctx context.Context, with []string, portal string) error {
	held, keeper, err := lock()
	if err != nil {
		return err
	}
	if held == nil {
		return fmt.Errorf("process %d keeps them already", keeper)
	}
	defer held.Close()
	if err := errors.Join(held.Truncate(0), sign(held)); err != nil {
		return err
	}
	o, err := options(with)
	if err != nil {
		return err
	}
	o.Lock, o.File = held, stack.File()
	p, err := launch.Start(ctx, o)
	if err != nil {
		return err
	}
	defer p.Stop()
	if portal != "" {
		if err := p.StartPortal(ctx, portal); err != nil {
			return err
		}
	}
	for {
		select {
		case err := <-p.Died:
			say("%v", err)
		case <-ctx.Done():
			say("ending")
			return nil
		}
	}
}

func sign(held *os.File) error {
	_, err := held.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// down ends the servers that up started, and returns when they are gone.
func down(ctx context.Context) error {
	began := time.Now()
	for told := false; ; time.Sleep(50 * time.Millisecond) {
		held, keeper, err := lock()
		if err != nil {
			return err
		}
		if held != nil {
			_ = held.Close()
			if told {
				say("down after %.1f s", time.Since(began).Seconds())
			} else {
				say("they are not up")
			}
			return nil
		}
		if !told {
			told = true
			if err := syscall.Kill(keeper, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if time.Since(began) > time.Minute {
			return fmt.Errorf("process %d does not end", keeper)
		}
	}
}
