package estate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"portreeve/fault"
)

// An estate has at most so many files of at most so many bytes each and in all, found among at most so many names.
const (
	maxFiles = 1000
	maxFile  = 1 << 20
	maxBytes = 16 << 20
	maxNames = 20_000
)

// file is a text of the estate.
type file struct {
	name  string // below the estate's folder, with slashes; without one the file's own name
	shown string // as an operator finds it: the path that was given and the name
	text  []byte
}

// readFiles returns the files of the estate at path by name, at least one. It follows no link that leads out of the folder.
func readFiles(path string) ([]file, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Invalidf("estate", "there is no estate at %s: name a YAML file or a folder of them", path)
	case err != nil:
		return nil, &fault.Error{Kind: fault.Invalid, Field: "estate", Msg: "the estate at " + path + " cannot be read", Err: err}
	case !info.IsDir():
		dir, err := os.OpenRoot(filepath.Dir(realPath(path)))
		if err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Field: "estate", Msg: "the estate at " + path + " cannot be read", Err: err}
		}
		defer dir.Close() //nolint:errcheck // read from only
		text, err := readFile(dir, filepath.Base(realPath(path)), path)
		return []file{{filepath.Base(path), path, text}}, err
	}
	dir, err := os.OpenRoot(path)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Field: "estate", Msg: "the folder " + path + " cannot be read", Err: err}
	}
	defer dir.Close() //nolint:errcheck // read from only
	names, err := yamlNames(dir, path)
	if err != nil {
		return nil, err
	}
	var files []file
	total := 0
	for _, name := range names {
		shown := filepath.Join(path, filepath.FromSlash(name))
		text, err := readFile(dir, name, shown)
		if err != nil {
			return nil, err
		}
		if total += len(text); total > maxBytes {
			return nil, fault.Invalidf("estate", "the estate at %s has more than %d MiB of YAML", path, maxBytes>>20)
		}
		files = append(files, file{name, shown, text})
	}
	return files, nil
}

// realPath returns path without links: a single file that was named may be a link to anywhere.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// yamlNames returns the names of the YAML files of a folder in order, with slashes.
func yamlNames(dir *os.Root, shown string) ([]string, error) {
	var names []string
	met := 0
	err := fs.WalkDir(dir.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if met++; met > maxNames {
			return fault.Invalidf("estate", "the folder %s has more than %d files: is it the right one?", shown, maxNames)
		}
		switch {
		case err != nil:
			return &fault.Error{Kind: fault.Invalid, Field: "estate", Msg: filepath.Join(shown, name) + " cannot be read", Err: err}
		case name != "." && strings.HasPrefix(entry.Name(), "."): // .git, and how Kubernetes mounts a ConfigMap
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name)):
			return nil
		}
		if names = append(names, name); len(names) > maxFiles {
			return fault.Invalidf("estate", "the folder %s has more than %d YAML files", shown, maxFiles)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fault.Invalidf("estate", "the folder %s has no file that ends in .yaml or .yml", shown)
	}
	slices.Sort(names)
	return names, nil
}

// readFile reads a file of an opened folder, links out of which are refused.
func readFile(dir *os.Root, name, shown string) ([]byte, error) {
	info, err := dir.Stat(name)
	if err == nil && !info.Mode().IsRegular() { // before it is opened: a pipe would wait for its writer
		return nil, fault.Invalidf("estate", "%s is not a plain file", shown)
	}
	var text []byte
	if err == nil {
		text, err = readSome(dir, name)
	}
	switch {
	case errors.Is(err, errTooLarge):
		return nil, fault.Invalidf("estate", "%s has more than %d KiB: split it", shown, maxFile>>10)
	case err != nil && isLink(dir, name):
		return nil, &fault.Error{Kind: fault.Invalid, Field: "estate", Msg: shown + " is a link that leads nowhere or out of the estate's folder", Err: err}
	case err != nil:
		return nil, &fault.Error{Kind: fault.Invalid, Field: "estate", Msg: shown + " cannot be read", Err: err}
	}
	return text, nil
}

var errTooLarge = fmt.Errorf("more than %d bytes", maxFile)

func readSome(dir *os.Root, name string) ([]byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read from only
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errTooLarge
	}
	return text, err
}

func isLink(dir *os.Root, name string) bool {
	info, err := dir.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}
