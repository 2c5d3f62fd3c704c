package catalog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

func TestReadSmallFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, size int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, bytes.Repeat([]byte("x"), size), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		write("largest", 1<<20): "", write("empty", 0): "", write("large", 1<<20+1): "larger than 1 MiB",
		pipe: "a pipe or a device", "/dev/zero": "a pipe or a device", dir: "it is a folder", filepath.Join(dir, "none"): "is not there",
		"a\x00b": "cannot be read",
	} {
		done := make(chan error, 1)
		go func() {
			_, err := catalog.ReadSmallFile(path, "ca_file")
			done <- err
		}()
		select {
		case err := <-done:
			e, _ := err.(*fault.Error) //nolint:errorlint // it is not wrapped
			if says == "" && err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if says != "" && (e == nil || e.Kind != fault.Invalid || e.Field != "ca_file" || !strings.Contains(e.Msg, "ca_file") ||
				!strings.Contains(e.Msg, says) || strings.Contains(e.Msg, dir)) {
				t.Errorf("%s: %v, want Invalid that says %q", path, err, says)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s is waited for", path)
		}
	}
}
