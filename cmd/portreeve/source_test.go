package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

func TestCheckAllSumsUp(t *testing.T) {
	t.Parallel()
	f := &fake{crawler: partly{}}
	s := newSources(nil, nil, []catalog.Connector{f.connector()}, os.LookupEnv)
	var out bytes.Buffer
	err := checkAll(t.Context(), &out, []catalog.Source{{Slug: "a", Kind: "fake"}, {Slug: "b", Kind: "fake"}}, false, s)
	if fault.KindOf(err) != fault.Unavailable || !strings.HasPrefix(told(err), "2 of 2 sources cannot be read, or not whole: a, b") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// A variable that is not set keeps its own source from being checked and no other.
func TestCheckFindsASoundSource(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.yaml")
	text := "sources:\n  a: {kind: trino, url: 'http://${NOT_SET_ANYWHERE}'}\n  b: {kind: trino, url: 'http://b'}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"a": 0, "b": 1, "": 1} {
		found, _, err := (&sourceCheckCmd{estateFlags: estateFlags{Estate: path}, Name: name}).find(t.Context(), &cli{})
		if len(found) != want || fault.KindOf(err) != fault.Invalid || !strings.Contains(told(err), "NOT_SET_ANYWHERE is not set") {
			t.Errorf("%q: %v, %v", name, found, err)
		}
	}
}

func TestCheckOutputIsFitForATerminal(t *testing.T) {
	t.Parallel()
	err := fault.Unavailablef(errors.New("\x1b[2J"+strings.Repeat("x", 9000)), "bad\x1b]0;t\x07")
	if text := told(err); strings.ContainsAny(text, "\x1b\x07") || len(text) > 400 {
		t.Errorf("%q", text)
	}
	if text := told(fault.Invalidf("", "two:\n  a\x1b[1m\n  b")); text != "two:\n  a [1m\n  b" {
		t.Errorf("%q", text)
	}
	for d, want := range map[time.Duration]string{time.Hour: "1 h", 90 * time.Minute: "1 h 30 min", 48 * time.Hour: "2 d", 1500 * time.Millisecond: "1.5 s", 0: "0 ms"} {
		if got := spoken(d); got != want {
			t.Errorf("spoken(%v) = %s", d, got)
		}
	}
}
