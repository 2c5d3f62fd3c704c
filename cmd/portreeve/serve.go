package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"portreeve/access"
)

type serveCmd struct {
	listenFlags
	estateFlags
	loginFlags
	Scratch string `env:"PORTREEVE_SCRATCH" placeholder:"FOLDER" help:"Folder for what queries write while they run. Default: a folder below the system's temporary folder."`
}

// Run serves until it is told to stop.
func (s *serveCmd) Run(ctx context.Context, c *cli) (err error) {
	log := c.logger(os.Stderr)
	key, err := c.Key.read()
	if err == nil && key.Zero() && c.DatabaseURL != "" {
		_, err = access.ParseKey("")
	}
	if err != nil {
		return err
	}
	declared, err := s.load()
	if err != nil {
		return err
	}
	l, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // closed by the servers in the good case
	db, err := c.external(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	folder := s.Scratch
	if folder == "" {
		if folder, err = os.MkdirTemp("", "portreeve-"); err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		if err := os.Chmod(folder, 0o711); err != nil { //nolint:gosec // workers have a user id of their own
			return err
		}
	}
	p, err := newPortal(&s.listenFlags, &s.estateFlags, db, key, filepath.Join(folder, "scratch"), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := s.set(p.access); err != nil {
		return err
	}
	p.login = &s.loginFlags
	if err := p.declare(ctx, declared); err != nil {
		return err
	}
	return p.serve(ctx, l, false, func(url string) { log.InfoContext(ctx, "ready", "url", url) })
}
