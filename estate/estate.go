// Package estate reads what an operator declares of the company's platform: YAML in a file or a folder, such as a checkout
// of a Git repository. Whatever is wrong with it is told at once, each with its file, line and column, and then nothing of
// it holds.
package estate

import (
	"cmp"
	"slices"

	"portreeve/access"
	"portreeve/catalog"
)

// Estate is what an operator declares.
type Estate struct {
	People  access.Declared  // teams, domains, and what groups of the provider give
	Sources []catalog.Source // by slug; their Config holds references as they are written, never what they stand for
}

// Source returns the declared source of that slug.
func (e *Estate) Source(slug string) (catalog.Source, bool) {
	i, found := slices.BinarySearchFunc(e.Sources, slug, func(s catalog.Source, slug string) int { return cmp.Compare(s.Slug, slug) })
	if !found {
		return catalog.Source{}, false
	}
	return e.Sources[i], true
}

// Load reads the estate at path: a YAML file, or a folder whose *.yaml and *.yml files, at any depth, are one estate. Files
// and folders whose names begin with a dot are passed over. connectors are the kinds of sources there may be, env looks a
// variable up.
//
// All that is wrong comes back as one Invalid error of several lines, a problem a line, at most 20 of them. That a
// reference leads somewhere is a part of being right; its value is not kept.
func Load(path string, connectors []catalog.Connector, env func(string) (string, bool)) (*Estate, error) {
	files, err := readFiles(path)
	if err != nil {
		return nil, err
	}
	return read(files, connectors, env)
}

// Examine is Load for who looks at single sources: beside the error it returns those sources that nothing is wrong with, or
// nil where no file could be read.
func Examine(path string, connectors []catalog.Connector, env func(string) (string, bool)) (*Estate, error) {
	files, err := readFiles(path)
	if err != nil {
		return nil, err
	}
	r := examine(files, connectors, env)
	if len(r.problems) > 0 {
		err = r.err()
	}
	return r.sound(), err
}

// read makes an estate of the texts of its files.
func read(files []file, connectors []catalog.Connector, env func(string) (string, bool)) (*Estate, error) {
	r := examine(files, connectors, env)
	if len(r.problems) > 0 {
		return nil, r.err()
	}
	return r.sound(), nil
}

// examine reads the texts of an estate.
func examine(files []file, connectors []catalog.Connector, env func(string) (string, bool)) *reader {
	r := &reader{connectors: connectors, env: env, declared: map[string]*declaration{}, people: newPeople()}
	for _, f := range files {
		r.files = append(r.files, f.shown)
		if root := r.parse(f); root != nil {
			r.file(f, root)
		}
	}
	if !r.sourcesMet && len(r.problems) == 0 {
		r.problem(at{file: files[0].shown, line: 1, column: 1}, "", "nothing is declared here: write sources: {} if that is meant")
	}
	r.link()
	return r
}

// sound returns the sources that nothing is wrong with.
func (r *reader) sound() *Estate {
	e := &Estate{People: r.people.declared(), Sources: make([]catalog.Source, 0, len(r.declared))}
	for _, d := range r.declared {
		if !d.bad {
			e.Sources = append(e.Sources, d.source)
		}
	}
	slices.SortFunc(e.Sources, func(a, b catalog.Source) int { return cmp.Compare(a.Slug, b.Slug) })
	return e
}
