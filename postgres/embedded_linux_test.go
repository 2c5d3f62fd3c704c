package postgres_test

import (
	"errors"
	"syscall"
	"testing"
	"time"
)

func TestEmbeddedServerDiesWithItsParent(t *testing.T) {
	t.Parallel()
	p := spawn(t, folder(t), nil)
	pid := p.server(t)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	gone(t, pid)
}

// gone waits until the server process pid has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("server %d outlived its parent", pid)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
