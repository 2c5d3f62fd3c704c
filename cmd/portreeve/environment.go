package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"portreeve/estate"
	"portreeve/fault"
)

// refuseUnknown returns an error for a variable that begins with PORTREEVE_ and means nothing: a misspelt setting must not
// be ignored in silence. Those of the tests are let through.
func refuseUnknown(model *kong.Application, environ []string) error {
	known := envNames(model.Node)
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "PORTREEVE_") || strings.HasPrefix(name, "PORTREEVE_TEST_") || slices.Contains(known, name) {
			continue
		}
		if near := estate.Nearest(name, known); near != "" {
			return fmt.Errorf("unknown variable %s, did you mean %s?", name, near)
		}
		return fmt.Errorf("unknown variable %s", name)
	}
	return nil
}

func envNames(n *kong.Node) (names []string) {
	for _, f := range n.Flags {
		names = append(names, f.Envs...)
	}
	for _, child := range n.Children {
		names = append(names, envNames(child)...)
	}
	return names
}

// home returns the folder of a demo, made if need be.
func (c *cli) home() (string, error) {
	dir := c.Home
	switch {
	case dir != "":
	case os.Geteuid() == 0:
		dir = "/var/lib/portreeve"
	case os.Getenv("XDG_STATE_HOME") != "":
		dir = filepath.Join(os.Getenv("XDG_STATE_HOME"), "portreeve")
	default:
		user, err := os.UserHomeDir()
		if err != nil {
			return "", fault.Invalidf("PORTREEVE_HOME", "no home folder is known here: set PORTREEVE_HOME")
		}
		dir = filepath.Join(user, ".local", "state", "portreeve")
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755) //nolint:gosec // other users run Postgres and the workers below it
	}
	if err != nil {
		return "", fault.Unavailablef(err, "the folder %s cannot be made: choose another with PORTREEVE_HOME", dir)
	}
	return dir, nil
}
