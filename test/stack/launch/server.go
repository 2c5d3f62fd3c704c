package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// server is a running program.
type server struct {
	name, version string
	cmd           *exec.Cmd
	log           string // file
	killed        atomic.Bool
	exited        chan struct{} // closed when it has ended
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// kill ends the server and its children at once: nobody needs what they wrote.
func (s *server) kill() {
	s.killed.Store(true)
	_ = syscall.Kill(-s.pid(), syscall.SIGKILL)
}

// start runs a program, with the folder name of the home as its own, until the platform ends. What it says goes to a log.
func (p *Platform) start(name, version string, env []string, program string, args ...string) (*server, error) {
	dir := filepath.Join(p.Home, name)
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &server{name: name, version: version, cmd: exec.Command(program, args...), log: log.Name(), exited: make(chan struct{})}
	s.cmd.Dir = dir
	// No more of our environment: these servers take settings from variables.
	s.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8", "TZ=UTC"}, env...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	bind(s.cmd.SysProcAttr)
	p.mu.Lock()
	defer p.mu.Unlock()
	started := make(chan error)
	go p.watch(s, started)
	if err := <-started; err != nil {
		return nil, err
	}
	p.servers = append(p.servers, s)
	return s, p.reaper.add(s.pid())
}

// watch holds one thread for the life of the server: bind's signal is sent when the thread that started it ends.
func (p *Platform) watch(s *server, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := s.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	err = s.cmd.Wait()
	close(s.exited)
	if !s.killed.Load() {
		p.Died <- fmt.Errorf("%s ended by itself (%w), its log ends with:\n%s", s.name, errors.Join(err), s.tail())
	}
}

// await returns nil when the server answers, and an error when it ends before or takes too long.
func (p *Platform) await(ctx context.Context, s *server, began time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	for {
		err := Answers(ctx, &p.Stack, s.name)
		if err == nil {
			p.say("%s up in %.1f s", s.name, time.Since(began).Seconds())
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("%s did not start, its log ends with:\n%s", s.name, s.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer (%w), its log ends with:\n%s", s.name, err, s.tail())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tail returns the last lines of the log.
func (s *server) tail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return strings.TrimSpace(string(bytes.Join(lines[max(0, len(lines)-15):], []byte("\n"))))
}
