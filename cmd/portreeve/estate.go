package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/estate"
	"portreeve/fault"
	"portreeve/web"
)

// estateFlags say what is declared of the company's platform.
type estateFlags struct {
	Estate string `env:"PORTREEVE_ESTATE" placeholder:"PATH" help:"YAML file, or folder of such files, that declares the sources to read, teams, domains, and what groups give. Read at the start and again at SIGHUP; see docs/sources.md and docs/people.md."`
}

// load returns the estate, or nil without one. It comes before anything else is touched: a bad estate leaves nothing
// half-made.
func (f *estateFlags) load() (*estate.Estate, error) {
	if f.Estate == "" {
		return nil, nil //nolint:nilnil // no estate is no error
	}
	return estate.Load(f.Estate, connectors(noLake), os.LookupEnv)
}

// applyEstate makes the declared sources, teams, domains and rules those of e, all or none, and logs what changed. nil changes
// nothing. Without people, which needs the key of the audit log, only the sources are.
func applyEstate(ctx context.Context, store *catalog.Store, people *access.Store, e *estate.Estate, log *slog.Logger) error {
	if e == nil {
		return nil
	}
	var ruled []string
	changes, err := store.ApplySources(ctx, e.Sources, func(tx pgx.Tx) (err error) {
		if people == nil {
			return nil
		}
		ruled, err = people.ApplyPeople(ctx, tx, access.Act{Via: "estate"}, e.People)
		return err
	})
	if err != nil {
		return err
	}
	for _, change := range ruled {
		log.InfoContext(ctx, "people of the estate changed", "change", change)
	}
	for _, c := range changes {
		log.InfoContext(ctx, "source "+c.What, "source", c.Slug, "fields", c.Fields, "read_anew", c.Reread) //nolint:sloglint // one of four
	}
	log.InfoContext(ctx, "estate applied", "sources", len(e.Sources), "changes", len(changes))
	return nil
}

// estateState is how the estate does, for the pages.
type estateState struct {
	mu  sync.Mutex
	now web.EstateState
}

func (s *estateState) get() web.EstateState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *estateState) applied(e *estate.Estate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = web.EstateState{AppliedAt: clock(), Sources: len(e.Sources)}
}

func (s *estateState) refused(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.RefusedAt.IsZero() {
		s.now.RefusedAt = clock()
	}
	s.now.Problems = problemsOf(err)
}

// problemsOf returns what is wrong with an estate, one entry for each.
func problemsOf(err error) []string {
	text := fault.Message(err)
	if text == "" {
		return []string{"It could not be applied; the log of the portal has the cause."}
	}
	head, rest, several := strings.Cut(text, "\n")
	if !several {
		return []string{head}
	}
	var problems []string
	for line := range strings.SplitSeq(rest, "\n") {
		problems = append(problems, strings.TrimSpace(line))
	}
	return problems
}

// declare applies the estate e, if there is one, and notes for the pages that it holds.
func (p *portal) declare(ctx context.Context, e *estate.Estate) error {
	if err := applyEstate(ctx, p.catalog, p.access, e, p.log); err != nil || e == nil {
		return err
	}
	p.declared.applied(e)
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
	if err == nil {
		err = p.declare(ctx, e)
	}
	if err != nil {
		p.declared.refused(err)
		return err
	}
	if err := p.jobs.StartDue(ctx); err != nil && fault.KindOf(err) != fault.Conflict {
		return err
	}
	return nil
}
