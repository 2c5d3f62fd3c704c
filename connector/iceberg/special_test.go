package iceberg

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"portreeve/fault"
)

// A catalog may name anything. What is no regular file is refused at once: a device would be read without end, and opening
// a pipe would wait for its writer.
func TestOnlyRegularFilesAreRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "v1.metadata.json")
	if err := os.WriteFile(large, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxMetadata+1); err != nil { // sparse: it takes no room
		t.Fatal(err)
	}
	for name, path := range map[string]string{"a device without end": "/dev/zero", "a pipe without a writer": pipe, "a folder": dir, "a file that is too large": large} {
		if _, err := (localFiles{}).ReadFile("file://" + path); fault.KindOf(err) != fault.Unavailable || strings.Contains(fault.Message(err), dir) {
			t.Errorf("%s: ReadFile = %v, want Unavailable without the folder's name", name, err)
		}
	}
	for name, path := range map[string]string{"a device": "/dev/zero", "a pipe": pipe, "a folder": dir} {
		if _, err := (localFiles{}).Open(path); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: Open = %v, want Unavailable", name, err)
		}
	}
}
