package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"portreeve/catalog"
	"portreeve/estate"
	"portreeve/fault"
)

// estateFlags say what is declared of the company's platform.
type estateFlags struct {
	Estate string `env:"PORTREEVE_ESTATE" placeholder:"PATH" help:"YAML file, or folder of such files, that declares the sources to read. Read at the start and again at SIGHUP; see docs/sources.md."`
}

// load returns the estate, or nil without one. It comes before anything else is touched: a bad estate leaves nothing
// half-made.
func (f *estateFlags) load() (*estate.Estate, error) {
	if f.Estate == "" {
		return nil, nil //nolint:nilnil // no estate is no error
	}
	return estate.Load(f.Estate, connectors(noLake), os.LookupEnv)
}

// applyEstate makes the declared sources those of e and logs what changed. nil changes nothing.
func applyEstate(ctx context.Context, store *catalog.Store, e *estate.Estate, log *slog.Logger) error {
	if e == nil {
		return nil
	}
	changes, err := store.ApplySources(ctx, e.Sources)
	if err != nil {
		return err
	}
	for _, c := range changes {
		log.InfoContext(ctx, "source "+c.What, "source", c.Slug, "fields", c.Fields, "read_anew", c.Reread) //nolint:sloglint // one of four
	}
	log.InfoContext(ctx, "estate applied", "sources", len(e.Sources), "changes", len(changes))
	return nil
}

// rereadEstate applies the estate again at each SIGHUP until ctx ends. One that is bad is logged, and the one before stays in
// force. Without an estate it does nothing, and SIGHUP ends the process as ever.
func (p *portal) rereadEstate(ctx context.Context) {
	if p.estate.Estate == "" {
		return
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	go func() {
		defer signal.Stop(again)
		for {
			select {
			case <-ctx.Done():
				return
			case <-again:
			}
			if err := p.reread(ctx); err != nil {
				p.log.ErrorContext(ctx, "estate not applied, the one before stays in force", "error", err)
			}
		}
	}()
}

func (p *portal) reread(ctx context.Context) error {
	e, err := p.estate.load()
	if err != nil {
		return err
	}
	if err := applyEstate(ctx, p.catalog, e, p.log); err != nil {
		return err
	}
	if err := p.jobs.StartDue(ctx); err != nil && fault.KindOf(err) != fault.Conflict {
		return err
	}
	return nil
}
