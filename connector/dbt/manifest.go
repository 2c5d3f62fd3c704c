package dbt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"portreeve/fault"
)

// walk is one pass over an artifact.
type walk struct {
	scan *scanner
	file string // as errors name it
	raw  []byte // the value at hand
	x    *index
}

// cancellable reads until its context ends.
type cancellable struct {
	ctx context.Context //nolint:containedctx // a reader hears of it in no other way
	src io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.src.Read(p)
}

// errKept ends a walk over more names than anybody has.
var errKept = fmt.Errorf("its names and messages are longer than %d MiB", maxKept>>20)

// keep counts what an index comes to hold.
func (w *walk) keep(texts ...string) error {
	w.x.kept += 200
	for _, s := range texts {
		w.x.kept += len(s)
	}
	if w.x.kept > maxKept {
		return errKept
	}
	return nil
}

// take reads the next value into w.raw. One that is too large is passed over, and w.raw is empty.
func (w *walk) take() (span, error) {
	if _, err := w.scan.peek(); err != nil {
		return span{}, err
	}
	at := w.scan.offset()
	raw, err := w.scan.value(w.raw[:0], maxValue)
	w.raw = raw
	if errors.Is(err, errTooBig) {
		w.raw = raw[:0]
		return span{Off: at, Size: -1}, nil
	}
	return span{Off: at, Size: len(raw), Sum: sum(raw)}, err
}

// decode reads the next value into v as far as its shape is the expected one.
func (w *walk) decode(v any) (span, error) {
	at, err := w.take()
	if err != nil || at.Size < 0 {
		return at, err
	}
	err = json.Unmarshal(w.raw, v)
	if _, shape := errors.AsType[*json.UnmarshalTypeError](err); shape {
		err = nil
	}
	if err != nil {
		return at, errSyntax
	}
	return at, nil
}

// end turns the error that a walk ended with into one for people.
func (w *walk) end(err error) error {
	at := w.scan.offset()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errCut):
		return fault.Unavailablef(err, "%s is cut off at byte %d: if dbt is writing it now, the next crawl reads it", w.file, at)
	case errors.Is(err, errSyntax) && at < 4:
		return fault.Unavailablef(err, "%s is no JSON: it must be as dbt wrote it, not compressed and in UTF-8", w.file)
	case errors.Is(err, errSyntax):
		return fault.Unavailablef(err, "%s is no JSON at byte %d", w.file, at)
	case errors.Is(err, errDeep), errors.Is(err, errKept), errors.Is(err, errTooBig):
		return fault.Unavailablef(err, "%s cannot be read at byte %d: %v", w.file, at, err)
	}
	return fault.Unavailablef(err, "%s cannot be read", w.file)
}

// readManifest makes the index of a manifest.
func readManifest(ctx context.Context, src io.Reader, file string) (*index, error) {
	x := &index{
		Packages: map[string]bool{}, TestsOf: map[string][]int{}, Groups: map[string]group{}, Results: map[string]result{},
		Fresh: map[string]loaded{}, Built: map[string]builtIn{}, known: map[string]position{},
	}
	w := &walk{scan: newScanner(cancellable{ctx, src}), file: file, x: x}
	sections := 0
	err := w.scan.object(func(key string) error {
		switch key {
		case "metadata":
			_, err := w.decode(&x.Metadata)
			return err
		case "nodes", "sources", "exposures", "unit_tests":
			sections++
			return w.scan.object(w.node)
		case "groups":
			return w.scan.object(w.group)
		case "macros":
			return w.scan.object(w.macro)
		}
		return w.scan.skip()
	})
	if err := w.end(err); err != nil {
		return nil, err
	}
	if name, _ := x.Metadata.artifact(); name != "manifest" && (name != "" || sections == 0) {
		return nil, fault.Unavailablef(nil, "%s is no manifest of dbt but %s", file, fault.Line(orOther(name), maxShort))
	}
	for i, t := range x.Tests {
		for _, id := range t.Targets {
			x.TestsOf[id] = append(x.TestsOf[id], i)
		}
	}
	x.known = nil
	return x, nil
}

func orOther(artifact string) string {
	if artifact == "" {
		return "some other JSON"
	}
	return "its artifact " + artifact
}

// macro learns of a package by a macro, which is not read.
func (w *walk) macro(id string) error {
	if parts := strings.SplitN(id, ".", 3); len(parts) == 3 && !w.x.Packages[parts[1]] {
		w.x.Packages[parts[1]] = true
		if err := w.keep(parts[1]); err != nil {
			return err
		}
	}
	return w.scan.skip()
}

func (w *walk) group(id string) error {
	var g struct {
		Name  text  `json:"name"`
		Owner owner `json:"owner"`
	}
	at, err := w.decode(&g)
	if err != nil {
		return err
	}
	w.x.Groups[id] = group{short(string(g.Name)), short(g.Owner.Name), short(g.Owner.Email)}
	w.x.GroupsSum ^= at.Sum
	return w.keep(id, string(g.Name))
}

// node keeps where a node is, or what a test tests. Other nodes are none of a catalog's.
func (w *walk) node(id string) error {
	resource, _, _ := strings.Cut(id, ".")
	switch resource {
	case "model", "seed", "snapshot", "source", "exposure":
		return w.entry(id, resource)
	case "test", "unit_test":
		return w.test(id, resource)
	}
	return w.scan.skip()
}

func (w *walk) entry(id, resource string) error {
	at, err := w.take()
	if err != nil {
		return err
	}
	e := entry{ID: id, Resource: resource, span: at}
	if at.Size > 0 {
		e.name(w.raw)
	}
	if e.Package == "" || len(e.Path) == 0 { // the id says it too, if not as well
		parts := strings.Split(id, ".")
		e.Package, e.Path = parts[min(1, len(parts)-1)], parts[min(2, len(parts)-1):]
	}
	w.x.Packages[e.Package] = true
	if known, again := w.x.known[id]; again && !known.test {
		w.x.Entries[known.at] = e
		return nil
	}
	w.x.known[id] = position{at: len(w.x.Entries)}
	w.x.Entries = append(w.x.Entries, e)
	return w.keep(append(e.Path, e.ID, e.ID, e.Package)...)
}

// name takes the node's name from its text, of which nothing else is looked at: what is wrong there comes to light when the
// node is read.
func (e *entry) name(raw []byte) {
	var pkg, name, source, version text
	s := scanBytes(raw)
	wanted := map[string]*text{"package_name": &pkg, "name": &name, "source_name": &source, "version": &version}
	err := s.object(func(key string) error {
		field := wanted[key]
		if field == nil {
			return s.skip()
		}
		value, err := s.value(nil, maxKey)
		if err != nil {
			return err
		}
		return json.Unmarshal(value, field)
	})
	if err != nil || name == "" {
		return
	}
	e.Package = plain(string(pkg))
	switch {
	case e.Resource == "source":
		e.Path = []string{plain(string(source)), plain(string(name))}
	case e.Resource == "model" && version != "":
		e.Path = []string{plain(string(name)), "v" + plain(string(version))}
	default:
		e.Path = []string{plain(string(name))}
	}
}
