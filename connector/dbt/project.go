package dbt

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"portreeve/fault"
)

// maxRunResults is how many files of results a folder may hold.
const maxRunResults = 50

// project is a folder of artifacts. Its index is kept while the files stay as they are.
type project struct {
	dir string

	mu    sync.Mutex
	index *index
	of    []fs.FileInfo // the files that it was made of
}

// artifacts are the files of a project, open: a file that dbt replaces meanwhile is still read to its end.
type artifacts struct {
	dir      string
	index    *index
	manifest *os.File
	built    *os.File   // catalog.json, or nil
	sources  *os.File   // sources.json, or nil
	results  []*os.File // run_results.json and what else begins and ends so
}

// errRewritten is how a file looks that changes while it is read.
var errRewritten = errors.New("the file was written while it was read")

// open opens the artifacts and sees that the index is theirs. Files that are written just now are tried once more.
func (p *project) open(ctx context.Context) (*artifacts, error) {
	a, err := p.tryOpen(ctx)
	if errors.Is(err, errRewritten) {
		a, err = p.tryOpen(ctx)
	}
	if errors.Is(err, errRewritten) {
		return nil, fault.Unavailablef(err, "the artifacts in %s are being written: the next crawl reads them", p.dir)
	}
	return a, err
}

func (p *project) tryOpen(ctx context.Context) (_ *artifacts, err error) {
	a, err := openFiles(p.dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	now, err := a.stat()
	if err != nil {
		return nil, err
	}
	p.mu.Lock() // whoever comes second finds the index made
	defer p.mu.Unlock()
	if p.index == nil || !slices.EqualFunc(p.of, now, unchanged) {
		p.index, p.of = nil, nil
		x, err := a.read(ctx)
		after, statErr := a.stat()
		if statErr != nil {
			return nil, statErr
		}
		if ctx.Err() == nil && !slices.EqualFunc(now, after, unchanged) {
			return nil, errRewritten
		}
		if err != nil {
			return nil, err
		}
		p.index, p.of = x, now
	}
	a.index = p.index
	return a, nil
}

// unchanged reports whether two looks were at one file in one state.
func unchanged(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func openFiles(dir string) (_ *artifacts, err error) {
	a := &artifacts{dir: dir}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if a.manifest, err = openFile(dir, "manifest.json"); err != nil {
		return nil, err
	}
	if a.manifest == nil {
		return nil, fault.Unavailablef(fs.ErrNotExist,
			"there is no manifest.json in %s: dbt writes it to the folder target of a project when it runs, compiles or parses", dir)
	}
	if a.built, err = openFile(dir, "catalog.json"); err != nil {
		return nil, err
	}
	if a.sources, err = openFile(dir, "sources.json"); err != nil {
		return nil, err
	}
	names, err := fs.Glob(os.DirFS(dir), "run_results*.json")
	if err != nil {
		return nil, fault.Unavailablef(err, "the folder %s cannot be read", dir)
	}
	if len(names) > maxRunResults {
		return nil, fault.Unavailablef(nil, "there are %d files run_results*.json in %s, more than %d", len(names), dir, maxRunResults)
	}
	for _, name := range names {
		f, err := openFile(dir, name)
		if err != nil {
			return nil, err
		}
		if f != nil {
			a.results = append(a.results, f)
		}
	}
	return a, nil
}

// openFile opens a file, nil if there is none. What is no file, such as a pipe, would be waited for, and is an error.
func openFile(dir, name string) (*os.File, error) {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, &fault.Error{Kind: fault.Forbidden, Msg: "the portal's user may not read " + path, Err: err}
	case err != nil:
		return nil, fault.Unavailablef(err, "%s cannot be read", path)
	case !info.Mode().IsRegular():
		return nil, fault.Unavailablef(nil, "%s is no file", path)
	case info.Size() > maxFile:
		return nil, fault.Unavailablef(nil, "%s is larger than %d GiB", path, maxFile>>30)
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, &fault.Error{Kind: fault.Forbidden, Msg: "the portal's user may not read " + path, Err: err}
	}
	if err != nil {
		return nil, fault.Unavailablef(err, "%s cannot be read", path)
	}
	return f, nil
}

// files returns the open files, the manifest first.
func (a *artifacts) files() []*os.File {
	files := slices.Concat([]*os.File{a.manifest, a.built, a.sources}, a.results)
	return slices.DeleteFunc(files, func(f *os.File) bool { return f == nil })
}

func (a *artifacts) stat() ([]fs.FileInfo, error) {
	var out []fs.FileInfo
	for _, f := range a.files() {
		info, err := f.Stat()
		if err != nil {
			return nil, fault.Unavailablef(err, "%s cannot be read", f.Name())
		}
		out = append(out, info)
	}
	return out, nil
}

func (a *artifacts) close() {
	for _, f := range a.files() {
		_ = f.Close() // nothing was written
	}
}

// read walks over all files once.
func (a *artifacts) read(ctx context.Context) (*index, error) {
	x, err := readManifest(ctx, a.manifest, a.manifest.Name())
	if err != nil {
		return nil, err
	}
	if a.built != nil {
		if err := x.readBuilt(ctx, a.built, a.built.Name()); err != nil {
			return nil, err
		}
	}
	if a.sources != nil {
		if err := x.readFreshness(ctx, a.sources, a.sources.Name()); err != nil {
			return nil, err
		}
	}
	for _, f := range a.results {
		if err := x.readResults(ctx, f, f.Name()); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// text reads what lies at s in f. It returns errRewritten if that is no longer what the index was made of.
func (a *artifacts) text(f *os.File, s span) ([]byte, error) {
	if f == nil || s.Size <= 0 {
		return nil, nil
	}
	raw := make([]byte, s.Size)
	switch _, err := f.ReadAt(raw, s.Off); {
	case errors.Is(err, io.EOF):
		return nil, errRewritten
	case err != nil:
		return nil, fault.Unavailablef(err, "%s cannot be read", f.Name())
	}
	if sum(raw) != s.Sum {
		return nil, errRewritten
	}
	return raw, nil
}

// folderName returns what people call a project whose artifacts are in dir.
func folderName(dir string) string {
	if filepath.Base(dir) == "target" {
		dir = filepath.Dir(dir)
	}
	return filepath.Base(dir)
}
