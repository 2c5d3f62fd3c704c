package launch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childFile makes a copy of the test binary, instead of running tests, start a platform with one server and tell about it.
const childFile = "PORTREEVE_TEST_CHILD_FILE"

func TestMain(m *testing.M) {
	if file := os.Getenv(childFile); file != "" {
		child(file)
	}
	os.Exit(m.Run())
}

// child starts a server that has a child of its own, prints their home and their process ids, and waits to be killed.
func child(file string) {
	lock, err := os.Create(file + ".lock")
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		panic(err)
	}
	p, err := prepare(Options{File: file, Lock: lock, Say: func(string, ...any) {}})
	if err != nil {
		panic(err)
	}
	if _, err = p.start("trino", "1", nil, "/bin/sh", "-c", "sleep 1000 & echo $$ $!; wait"); err != nil {
		panic(err)
	}
	fmt.Println(p.Home)
	select {}
}

// until waits for a condition that is soon to be true.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not so after 30 s:", what)
		}
	}
}

// gone reports whether a process has ended. A zombie has: who is to wait for it may be slow.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err == nil {
		_, after, _ := bytes.Cut(stat, []byte(") "))
		return bytes.HasPrefix(after, []byte("Z"))
	}
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

func TestServersEndWithAKilledKeeper(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "stack.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childFile+"="+file)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var home string
	if _, err := fmt.Fscan(out, &home); err != nil {
		t.Fatal(err)
	}
	var server, grandchild int
	until(t, "the server runs", func() bool {
		said, _ := os.ReadFile(filepath.Join(home, "trino", "trino.log"))
		n, _ := fmt.Sscan(string(said), &server, &grandchild)
		return n == 2
	})
	if gone(server) || gone(grandchild) {
		t.Fatal("the server does not run")
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	lock, err := os.Open(file + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil { // the reaper holds it until it is done
		t.Fatal(err)
	}
	for _, left := range []string{home, file} {
		if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", left, err)
		}
	}
	until(t, "the server has ended", func() bool { return gone(server) })
	until(t, "the server's child has ended", func() bool { return gone(grandchild) })
}

// prepared returns a platform without servers.
func prepared(t *testing.T) *Platform {
	t.Helper()
	p, err := prepare(Options{Say: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func TestStopEndsServersAndRemovesTheirHome(t *testing.T) {
	t.Parallel()
	p := prepared(t)
	s, err := p.start("kafka", "1", nil, "/bin/sleep", "1000")
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if !gone(s.pid()) {
		t.Error("the server runs")
	}
	if _, err := os.Stat(p.Home); !errors.Is(err, os.ErrNotExist) {
		t.Error("its home is still there:", err)
	}
	if len(p.Died) != 0 {
		t.Error("what was stopped is said to have died:", <-p.Died)
	}
}

func TestServerThatDiesIsToldWithItsLog(t *testing.T) {
	t.Parallel()
	p := prepared(t)
	s, err := p.start("registry", "1", nil, "/bin/sh", "-c", "echo the disk is full; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.await(t.Context(), s, time.Now()); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("waiting for it: %v", err)
	}
	if err := <-p.Died; !strings.Contains(err.Error(), "registry ended by itself (exit status 3)") {
		t.Errorf("told: %v", err)
	}
}

func TestServersSeeNothingOfOurEnvironment(t *testing.T) {
	t.Setenv("QUARKUS_HTTP_PORT", "80")
	p := prepared(t)
	s, err := p.start("registry", "1", []string{"ITS=own"}, "/usr/bin/env")
	if err != nil {
		t.Fatal(err)
	}
	<-s.exited
	if said := s.tail(); strings.Contains(said, "QUARKUS") || !strings.Contains(said, "ITS=own") {
		t.Errorf("its environment: %s", said)
	}
}

func TestFreePortsAreFreeAndDistinct(t *testing.T) {
	t.Parallel()
	var a, b, c int
	if err := freePorts(&a, &b, &c); err != nil {
		t.Fatal(err)
	}
	if a == b || b == c || a == c {
		t.Errorf("ports %d, %d, %d", a, b, c)
	}
	for _, port := range []int{a, b, c} {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
}

func TestFirstFailureIsTheReason(t *testing.T) {
	t.Parallel()
	first := errors.New("first")
	err := together(t.Context(), func(context.Context) error { return first }, func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("told to end")
	})
	if !errors.Is(err, first) {
		t.Errorf("error = %v", err)
	}
	if err := together(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
}

func TestSettingsHoldNoHoles(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	s, err := newSite(home)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"trino/etc/config.properties":       fmt.Sprintf("http-server.http.port=%d", s.Ports.Trino),
		"trino/etc/catalog/lake.properties": "file://" + home + "/warehouse",
		"kafka/server.properties":           "user_portreeve=\"" + s.Password + "\"",
		"keycloak/data/import/realm.json":   `"value": "` + s.Password + `"`,
	} {
		text, err := os.ReadFile(filepath.Join(home, file))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q: %v", file, want, err)
		}
	}
	if _, err := tls.LoadX509KeyPair(s.secrets.file("client.pem"), s.secrets.file("client.key")); err != nil {
		t.Error(err)
	}
}

func TestForwarderCarriesBothWaysAndCloses(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "portreeve-forward-") // t.TempDir is too long a name for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	server, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
	var port int
	if err := freePorts(&port); err != nil {
		t.Fatal(err)
	}
	f, err := newForwarder(port, "postgres:///app?host="+dir+"&port=5432")
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_ = client.SetDeadline(time.Now().Add(30 * time.Second))
	got := make([]byte, 4)
	if _, err := client.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, got); err != nil || string(got) != "ping" {
		t.Fatalf("%q, %v", got, err)
	}
	f.close()
	if _, err := client.Read(got); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection outlives it: %v", err)
	}
}
