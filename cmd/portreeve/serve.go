package main

import (
	"context"
	"errors"
	"os"
)

type serveCmd struct {
	listenFlags
	Scratch string `env:"PORTREEVE_SCRATCH" placeholder:"FOLDER" help:"Folder for what queries write while they run. Default: a folder below the system's temporary folder."`
}

// Run serves until it is told to stop.
func (s *serveCmd) Run(ctx context.Context, c *cli) (err error) {
	log := c.logger(os.Stderr)
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
	scratch := s.Scratch
	if scratch == "" {
		if scratch, err = os.MkdirTemp("", "portreeve-"); err != nil {
			return err
		}
		defer os.RemoveAll(scratch)
	}
	p, err := newPortal(&s.listenFlags, db, scratch, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	return p.serve(ctx, l, false, func(url string) { log.InfoContext(ctx, "ready", "url", url) })
}
