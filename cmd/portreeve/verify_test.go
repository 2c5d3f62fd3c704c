package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/access"
	"portreeve/fault"
)

func TestReadAnchors(t *testing.T) {
	t.Parallel()
	a, b := access.Head{Seq: 1, MAC: []byte(strings.Repeat("a", 32))}, access.Head{Seq: 2, MAC: []byte(strings.Repeat("b", 32))}
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "anchors")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got, err := readAnchors([]string{a.String(), file("2026-11-21T16:00:00Z " + b.String() + "\n\n" + a.String() + "\n")})
	if diff := cmp.Diff([]access.Head{a, b, a}, got); diff != "" || err != nil {
		t.Errorf("%v, heads (-want +got):\n%s", err, diff)
	}
	bad := file(a.String() + "\n2026-11-21T16:00:00Z 5:ab\n")
	if _, err := readAnchors([]string{bad}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), bad+":2: ") {
		t.Errorf("a line that is no head: %v; want its number", err)
	}
	if _, err := readAnchors([]string{"12:zz"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("neither a head nor a file: %v", err)
	}
}

func TestVerified(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC)
	good := access.Verdict{Rows: 2, Head: access.Head{Seq: 2, MAC: []byte{1}}, At: at}
	tests := []struct {
		v       access.Verdict
		anchors int
		want    string
	}{
		{good, 1, "ok: 2 rows are as they were written, the last of 2026-11-21T16:00:00Z, head 2:01"},
		{access.Verdict{}, 0, "ok: 0 rows are as they were written; whether rows behind it were cut off shows only with --anchor"},
		{access.Verdict{Rows: 2, Bad: 3, What: "is missing"}, 0, "bad: row 3 is missing; 2 rows before it are as they were written"},
	}
	for _, tt := range tests {
		if got := verified(&tt.v, tt.anchors); got != tt.want {
			t.Errorf("verified = %q\nwant %q", got, tt.want)
		}
	}
}
