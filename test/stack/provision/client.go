package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// run runs a registry's client in dir. When it fails the error holds the end of what it said.
func (s *Store) run(ctx context.Context, title, dir, name string, args ...string) error {
	program, err := exec.LookPath(name)
	if err != nil {
		return fmt.Errorf("%s is needed to fetch it: install it (Debian: apt-get install %s), or run make packages", name, debian[name])
	}
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = dir
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us, and we end it
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	began := time.Now()
	done := make(chan struct{})
	go func() {
		for tick := time.NewTicker(15 * time.Second); ; {
			select {
			case <-tick.C:
				s.Say("%s: still fetching after %.0f s", title, time.Since(began).Seconds())
			case <-done:
				tick.Stop()
				return
			}
		}
	}()
	err = c.Run()
	close(done)
	if err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("%s %s: %w:\n%s", name, strings.Join(args, " "), err, tail(said.Bytes())))
	}
	return nil
}

// debian maps the programs to the packages that hold them.
var debian = map[string]string{"mvn": "maven", "python3": "python3-pip"}

// tail returns the last 2,000 bytes or less, from the beginning of a line.
func tail(said []byte) []byte {
	if len(said) > 2000 {
		said = said[len(said)-2000:]
		_, said, _ = bytes.Cut(said, []byte("\n"))
	}
	return said
}

// mvn runs a goal of Maven's dependency plugin with a local repository of our own, so that what is damaged in it can be
// thrown away. The repository is ours alone until use returns.
func (s *Store) mvn(ctx context.Context, title, dir, goal string, args []string, use func(repository string) error) error {
	const plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:"
	unlock, err := s.lock(ctx, "maven", "")
	if err != nil {
		return err
	}
	defer unlock()
	repository := filepath.Join(s.Dir, "maven")
	args = append([]string{"-q", "-B", "-ntp", "-Dmaven.repo.local=" + repository, plugin + goal}, args...)
	for attempt := 0; ; attempt++ {
		if err := s.run(ctx, title, dir, "mvn", args...); err != nil {
			return err
		}
		err := use(repository)
		if err == nil || attempt == 1 {
			return err
		}
		s.Say("%s: %v; fetching it again", title, err)
		if err := os.RemoveAll(repository); err != nil {
			return err
		}
	}
}
