// Package dbt reads the artifacts that dbt leaves in the target folder of a project: which models, seeds, snapshots, sources
// and exposures there are, how they hang together, and how their tests and runs went. It asks no database and runs no dbt.
//
// manifest.json is needed. catalog.json adds the columns that tables really have, sources.json how fresh sources were, and
// run_results.json how runs and tests went. dbt overwrites the latter with each command, also with those that run nothing
// ("docs generate"), whose results are passed over; copies under names like run_results_nightly.json are read too, and of two
// results of one node the newer one counts.
package dbt

import (
	"context"
	"path/filepath"
	"strings"

	"portreeve/catalog"
	"portreeve/fault"
)

// The settings of a source in Source.Config.
const (
	// PathKey is the folders that hold artifacts, one on each line.
	PathKey = "path"
	// NamespaceKey is OpenLineage's name of the database that the projects build in.
	NamespaceKey = "database_namespace"
)

// Connector returns the kind of source "dbt".
func Connector() catalog.Connector {
	return catalog.Connector{
		Kind:  "dbt",
		Title: "dbt",
		Settings: []catalog.ConnectorSetting{
			{
				Name: PathKey, Required: true, List: true, Check: checkPath,
				Help: "The folder that holds manifest.json and, if there are, catalog.json, run_results.json and sources.json; " +
					"or a list of such folders, one for each project.",
			},
			{
				Name: NamespaceKey,
				Help: "The OpenLineage namespace of the database that the models are built in, such as trino://host:8080, or the source " +
					"that it is here: the models are then shown with their tables.",
			},
		},
		Open: open,
	}
}

func checkPath(value string) string {
	for dir := range strings.Lines(value) {
		dir = strings.TrimSpace(dir)
		if lower := strings.ToLower(dir); strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://") {
			return "is an address: artifacts are read from folders only"
		}
		if dir != "" && !filepath.IsAbs(dir) {
			return "is not an absolute path"
		}
	}
	return ""
}

func open(_ context.Context, src catalog.Source) (catalog.Connection, error) {
	c := &crawler{namespace: strings.TrimSpace(src.Config[NamespaceKey])}
	seen := map[string]bool{}
	for dir := range strings.Lines(src.Config[PathKey]) {
		if dir = strings.TrimSpace(dir); dir == "" {
			continue
		}
		if wrong := checkPath(dir); wrong != "" {
			return catalog.Connection{}, fault.Invalidf(PathKey, "the path %s %s", dir, wrong)
		}
		if dir = filepath.Clean(dir); !seen[dir] {
			seen[dir] = true
			c.projects = append(c.projects, &project{dir: dir})
		}
	}
	if len(c.projects) == 0 {
		return catalog.Connection{}, fault.Invalidf(PathKey, "the folder of the artifacts is missing")
	}
	return catalog.Connection{Crawler: c, Close: func() error { return nil }}, nil
}
