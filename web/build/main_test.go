package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAssetsAreFresh holds what is committed against a fresh build: nobody needs to build to run the portal, and nobody can
// forget to.
func TestAssetsAreFresh(t *testing.T) {
	t.Parallel()
	files, err := build(filepath.Join("..", "src"))
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]bool{}
	for _, f := range files {
		built[f.name] = true
		committed, err := os.ReadFile(filepath.Join("..", "assets", f.name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(committed, f.content) {
			t.Errorf("web/assets/%s is not what web/src gives: run go run ./web/build", f.name)
		}
	}
	entries, err := os.ReadDir(filepath.Join("..", "assets"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !built[e.Name()] && !strings.HasPrefix(e.Name(), ".") {
			t.Errorf("web/assets/%s comes from no source", e.Name())
		}
	}
}

func TestBuildSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"app.css": "a{}", "app.js": "import './missing.js'"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := build(dir); err == nil || !strings.Contains(err.Error(), "missing.js") {
		t.Errorf("build = %v, want an error that names missing.js", err)
	}
}
