package job

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portreeve/access"
	"portreeve/postgres/pgtest"
)

// A head is told once, to the log and to the file; one that could not be written to the file is told again.
func TestTellAuditHead(t *testing.T) {
	t.Parallel()
	store := access.NewStore(pgtest.New(t))
	key, err := access.ParseKey(access.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	store.Audit = access.NewAudit(key)
	if err := store.RecordOnly(t.Context(), access.Act{Who: access.Operator()}, access.Event{Action: "test.write"}); err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	dir := filepath.Join(t.TempDir(), "later")
	w := &tellAuditHead{options: &Options{Access: store, Log: slog.New(slog.NewJSONHandler(&logged, nil)), Now: time.Now}}
	store.Anchors = filepath.Join(dir, "anchors")
	if err := w.Work(t.Context(), nil); err == nil {
		t.Error("a file in no folder was written")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Work(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	head, err := store.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(store.Anchors)
	if err != nil || strings.Count(string(text), "\n") != 1 || !strings.HasSuffix(string(text), " "+head.String()+"\n") {
		t.Errorf("the file has %q, %v; want one line that ends in %s", text, err, head)
	}
	if n := strings.Count(logged.String(), `"head":"`+head.String()); n != 1 {
		t.Errorf("the log tells it %d times: %s", n, logged.String())
	}
}
