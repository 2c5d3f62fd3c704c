package test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever is wrong at the start is one clear line and an exit status, and nothing is half-made.
func TestWrongUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) // after the parallel cases
	file := filepath.Join(openDir(t), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		args []string
		env  []string
		exit int
		want string
	}{
		{"unknown flag", []string{"demo", "--frsh"}, nil, 2, "--fresh"},
		{"unknown command", []string{"demon"}, nil, 2, "demo"},
		{"unknown variable with a near name", []string{"version"}, []string{"PORTREEVE_LISTN=x"}, 2, "did you mean PORTREEVE_LISTEN?"},
		{"serve without a database", []string{"serve"}, []string{"PORTREEVE_LISTEN=" + free, "PORTREEVE_OPS_LISTEN=127.0.0.1:0"}, 2, "DATABASE_URL is not set"},
		{"serve without a key", []string{"serve"}, []string{"DATABASE_URL=postgres://u:hunter2@127.0.0.1:1/x"}, 2, "there is no session key"},
		{"serve with a short key", []string{"serve"}, []string{"DATABASE_URL=postgres://u@127.0.0.1:1/x", "PORTREEVE_SESSION_KEY=hunter2"}, 2, "must have at least 32"},
		{"serve with a sample key", []string{"serve"}, []string{"DATABASE_URL=postgres://u@127.0.0.1:1/x", "PORTREEVE_SESSION_KEY=changeme-changeme-changeme-hunter2"}, 2, "looks like an example"},
		{"two keys", []string{"serve"}, []string{"DATABASE_URL=postgres://u@127.0.0.1:1/x", "PORTREEVE_SESSION_KEY=x", "PORTREEVE_SESSION_KEY_FILE=" + file}, 2, "keep one"},
		{"a DSN that is none", []string{"migrate"}, []string{"DATABASE_URL=mysql://u:hunter2@h/x"}, 2, "not a Postgres URL"},
		{"a database that does not answer", []string{"migrate"}, []string{"DATABASE_URL=postgres://u:hunter2@127.0.0.1:1/x"}, 1, "does not answer"},
		{"a port in use", []string{"demo"}, []string{"PORTREEVE_LISTEN=" + taken.Addr().String()}, 1, "is in use"},
		{"a demo for everyone", []string{"demo"}, []string{"PORTREEVE_LISTEN=0.0.0.0:0"}, 2, "loopback only"},
		{"a home that is a file", []string{"demo"}, []string{"PORTREEVE_HOME=" + filepath.Join(file, "x"), "PORTREEVE_LISTEN=" + free}, 1, "choose another with PORTREEVE_HOME"},
		{"a token without a demo", []string{"token", "create", "--user", "analyst"}, []string{"PORTREEVE_HOME=" + openDir(t)}, 1, "there is no demo in"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			home := openDir(t)
			cmd := exec.CommandContext(t.Context(), binary, tt.args...)
			cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PORTREEVE_HOME=" + home, "PORTREEVE_OPS_LISTEN=127.0.0.1:0"}, tt.env...)
			out, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.ExitCode() != tt.exit {
				t.Errorf("exit status %d, want %d", cmd.ProcessState.ExitCode(), tt.exit)
			}
			text := string(out)
			if !strings.Contains(text, tt.want) || strings.Contains(text, "hunter2") || strings.Contains(text, "goroutine ") {
				t.Errorf("printed:\n%s\nwant %q, no password and no stack", text, tt.want)
			}
			if left, _ := os.ReadDir(home); len(left) > 0 {
				t.Errorf("left %v behind", left)
			}
		})
	}
}
