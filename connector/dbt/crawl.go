package dbt

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"portreeve/catalog"
	"portreeve/fault"
)

// crawler reads the projects of a source. A scope is a package: the project itself, or one that it has installed.
type crawler struct {
	projects  []*project
	namespace string
}

// view is all projects at one moment, their files open.
type view struct {
	projects []*artifacts
	datasets []dataset      // by name
	byName   map[string]int // positions in datasets
	scopes   map[string]int // datasets of each; 0: a package of macros only
}

// dataset is a node under the name that it has here.
type dataset struct {
	name    string
	scope   string
	native  string
	project int
	entry   *entry
}

// Scopes returns the packages that have datasets.
func (c *crawler) Scopes(ctx context.Context) ([]string, error) {
	v, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer v.close()
	var scopes []string
	for scope, datasets := range v.scopes {
		if datasets > 0 {
			scopes = append(scopes, scope)
		}
	}
	slices.Sort(scopes)
	return scopes, nil
}

// Has reports whether a node of this name is in a manifest.
func (c *crawler) Has(ctx context.Context, name string) (bool, error) {
	v, err := c.open(ctx)
	if err != nil {
		return false, err
	}
	defer v.close()
	_, found := v.byName[name]
	return found, nil
}

// Datasets streams the nodes of a package by name. If dbt writes the artifacts meanwhile, they are opened once more.
func (c *crawler) Datasets(ctx context.Context, scope string, known catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		done := map[string]bool{}
		err := c.stream(ctx, scope, known, done, yield)
		if errors.Is(err, errRewritten) {
			err = c.stream(ctx, scope, known, done, yield)
		}
		switch {
		case err == nil, errors.Is(err, errStopped):
			return
		case errors.Is(err, errRewritten):
			err = fault.Unavailablef(err, "the artifacts of dbt are being written: the next crawl reads them")
		}
		yield(catalog.Observation{}, err)
	}
}

var errStopped = errors.New("the consumer has seen enough")

// stream yields the datasets of a scope that are not done. Its error is for the end of the stream.
func (c *crawler) stream(ctx context.Context, scope string, known catalog.Known, done map[string]bool,
	yield func(catalog.Observation, error) bool,
) error {
	v, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer v.close()
	if _, found := v.scopes[scope]; !found {
		return fault.NotFoundf("there is no package %s in the projects of dbt", scope)
	}
	for _, d := range v.datasets {
		if d.scope != scope || done[d.name] {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		o, err := c.observe(v.projects[d.project], &d, known)
		if errors.Is(err, errRewritten) {
			return err
		}
		done[d.name] = true
		if !yield(o, err) {
			return errStopped
		}
	}
	return nil
}

func (c *crawler) observe(a *artifacts, d *dataset, known catalog.Known) (catalog.Observation, error) {
	failed := catalog.Observation{Name: d.name}
	version := a.index.version(d.entry, c.namespace)
	if version == known[d.name] {
		return catalog.Observation{Name: d.name, Unchanged: true}, nil
	}
	raw, err := a.text(a.manifest, d.entry.span)
	if err != nil {
		return failed, err
	}
	built, err := a.text(a.built, a.index.Built[d.entry.ID].span)
	if err != nil {
		return failed, err
	}
	by := observer{x: a.index, namespace: c.namespace, file: a.manifest.Name()}
	o, err := by.observe(d.name, d.native, d.entry, raw, built)
	if err == nil {
		o.Version = version
	}
	return o, err
}

// open opens all projects and names what is in them.
func (c *crawler) open(ctx context.Context) (*view, error) {
	v := &view{byName: map[string]int{}, scopes: map[string]int{}}
	for _, p := range c.projects {
		a, err := p.open(ctx)
		if err != nil {
			v.close()
			return nil, err
		}
		v.projects = append(v.projects, a)
	}
	if err := v.fill(); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *view) close() {
	for _, a := range v.projects {
		a.close()
	}
}

// fill names the nodes of all projects. A package belongs to the project of its name, else to the first that has it; what
// other projects make of it begins with their own name.
func (v *view) fill() error {
	owners, err := v.owners()
	if err != nil {
		return err
	}
	for i, a := range v.projects {
		prefix := func(pkg string) []string {
			if owners[pkg] == i {
				return []string{pkg}
			}
			return []string{a.project(), pkg}
		}
		for pkg := range a.index.Packages {
			v.scopes[catalog.JoinPath(prefix(pkg)...)] += 0
		}
		for k := range a.index.Entries {
			e := &a.index.Entries[k]
			within := prefix(e.Package)
			d := dataset{scope: catalog.JoinPath(within...), native: short(e.ID), project: i, entry: e}
			if len(within) > 1 {
				d.native = within[0] + "/" + d.native
			}
			d.name = catalog.JoinPath(append(within, e.Path...)...)
			v.datasets = append(v.datasets, d)
			v.scopes[d.scope]++
		}
	}
	v.name()
	return nil
}

// owners returns which project each package belongs to.
func (v *view) owners() (map[string]int, error) {
	owners, projects := map[string]int{}, map[string]int{}
	for i, a := range v.projects {
		name := a.project()
		if first, twice := projects[name]; twice {
			return nil, fault.Unavailablef(nil, "%s and %s both hold the project %s: let each be a source of its own",
				v.projects[first].dir, a.dir, fault.Line(name, maxShort))
		}
		projects[name] = i
		for pkg := range a.index.Packages {
			if _, taken := owners[pkg]; !taken {
				owners[pkg] = i
			}
		}
	}
	for name, i := range projects {
		if v.projects[i].index.Packages[name] {
			owners[name] = i
		}
	}
	return owners, nil
}

// resources are the kinds of nodes in the order in which they have a right to a name.
var resources = []string{"model", "seed", "snapshot", "source", "exposure"}

// name makes names unique: dbt lets an exposure be named like a model. Whoever comes later says what it is in its name.
func (v *view) name() {
	slices.SortFunc(v.datasets, func(a, b dataset) int {
		return cmp.Or(cmp.Compare(a.project, b.project),
			cmp.Compare(slices.Index(resources, a.entry.Resource), slices.Index(resources, b.entry.Resource)),
			strings.Compare(a.entry.ID, b.entry.ID))
	})
	taken := map[string]bool{}
	for i := range v.datasets {
		d := &v.datasets[i]
		for _, other := range []string{
			catalog.JoinPath(append(catalog.SplitPath(d.scope), append([]string{d.entry.Resource}, d.entry.Path...)...)...),
			catalog.JoinPath(append(catalog.SplitPath(d.scope), d.entry.ID)...),
		} {
			if taken[d.name] {
				d.name = other
			}
		}
		taken[d.name] = true
	}
	slices.SortFunc(v.datasets, func(a, b dataset) int { return strings.Compare(a.name, b.name) })
	for i, d := range v.datasets {
		v.byName[d.name] = i
	}
}

// project returns the name of the project that artifacts are of. Old manifests do not say it: it is then the folder's.
func (a *artifacts) project() string {
	if name := string(a.index.Metadata.Project); name != "" {
		return plain(name)
	}
	return folderName(a.dir)
}
