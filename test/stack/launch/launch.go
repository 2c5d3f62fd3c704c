// Package launch starts the real servers of package stack and ends them with the process that started them, however it ends.
package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"portreeve/postgres"
	"portreeve/test/stack"
	"portreeve/test/stack/provision"
)

// Options say what to start.
type Options struct {
	Store *provision.Store
	Lock  *os.File // held until all is gone, even when this process is killed; may be nil
	File  string   // the stack's description is written there; "" is stack.json in its home
	With  []string // what is started only when it is asked for: "keycloak"
	Say   func(format string, args ...any)
}

// Platform is the running servers.
type Platform struct {
	stack.Stack
	File string // the description
	Died chan error

	say      func(format string, args ...any)
	site     *site
	mu       sync.Mutex // guards servers and the description's list of them
	servers  []*server
	postgres *postgres.Embedded
	forward  *forwarder
	reaper   *reaper
	end      sync.Once
}

// Start fetches what is missing, starts all servers and returns when each of them answers. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Platform, error) {
	for _, name := range o.With {
		if name != "keycloak" {
			return nil, fmt.Errorf("there is no server %q to start with the others: keycloak", name)
		}
	}
	programs, err := fetch(ctx, o)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	p, err := prepare(o) // only now: its ports are free now
	if err != nil {
		return nil, err
	}
	if err := p.startAll(ctx, programs); err != nil {
		p.Stop()
		return nil, err
	}
	p.say("all up in %.1f s", time.Since(began).Seconds())
	return p, nil
}

// prepare makes the home of the servers with all their files.
func prepare(o Options) (*Platform, error) {
	home, err := newHome()
	if err != nil {
		return nil, err
	}
	if o.File == "" {
		o.File = filepath.Join(home, "stack.json")
	}
	p := &Platform{File: o.File, Died: make(chan error, 16), say: o.Say}
	if p.reaper, err = newReaper(home, o.File, o.Lock); err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	if p.site, err = newSite(home); err != nil {
		p.Stop()
		return nil, err
	}
	p.Stack = p.site.stack()
	return p, nil
}

// programs are a program java, and the folders of what it runs.
type programs struct{ java, trino, kafka, registry, keycloak string }

// fetch returns the programs, which it fetches where they are missing.
func fetch(ctx context.Context, o Options) (programs, error) {
	var found programs
	get := func(into *string, from func(context.Context) (string, error)) func(context.Context) error {
		return func(ctx context.Context) (err error) {
			*into, err = from(ctx)
			return err
		}
	}
	all := []func(context.Context) error{
		get(&found.java, o.Store.Java), get(&found.trino, o.Store.Trino), get(&found.kafka, o.Store.Kafka),
		get(&found.registry, o.Store.Apicurio),
	}
	if slices.Contains(o.With, "keycloak") {
		all = append(all, get(&found.keycloak, o.Store.Keycloak))
	}
	return found, together(ctx, all...)
}

// startAll starts the servers at once: they need each other only when they are asked something.
func (p *Platform) startAll(ctx context.Context, programs programs) error {
	all := []func(context.Context) error{
		p.startPostgres,
		func(ctx context.Context) error { return p.startTrino(ctx, programs) },
		func(ctx context.Context) error { return p.startKafka(ctx, programs) },
		func(ctx context.Context) error { return p.startRegistry(ctx, programs) },
	}
	if programs.keycloak != "" {
		all = append(all, func(ctx context.Context) error { return p.startKeycloak(ctx, programs) })
	}
	if err := together(ctx, all...); err != nil {
		return err
	}
	p.Servers = p.list()
	return write(p.File, &p.Stack)
}

// together runs all at once. Where one fails the others are told to end, and its error is the reason.
func together(ctx context.Context, all ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for _, do := range all {
		running.Go(func() {
			if err := do(ctx); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// list returns the servers by name.
func (p *Platform) list() []stack.Server {
	list := []stack.Server{{
		Name: "postgres", Version: p.postgres.BinVersion, PID: p.postgres.PID(),
		Log: filepath.Join(p.Home, "postgres", "postgres.log"),
	}}
	for _, s := range p.servers {
		list = append(list, stack.Server{Name: s.name, Version: s.version, PID: s.pid(), Log: s.log})
	}
	slices.SortFunc(list, func(a, b stack.Server) int { return order(a.Name) - order(b.Name) })
	return list
}

func order(name string) int {
	return slices.Index([]string{"postgres", "trino", "kafka", "registry", "keycloak", "portal"}, name)
}

// EndWithUs makes a process group, of the program that uses the servers, be killed when this process is.
func (p *Platform) EndWithUs(group int) error { return p.reaper.add(group) }

// Stop ends all servers and removes what they wrote.
func (p *Platform) Stop() {
	p.end.Do(func() {
		p.mu.Lock()
		servers := p.servers
		p.mu.Unlock()
		for _, s := range servers {
			s.kill()
		}
		for _, s := range servers {
			<-s.exited
		}
		if p.forward != nil {
			p.forward.close()
		}
		if p.postgres != nil {
			if err := p.postgres.Stop(); err != nil {
				p.say("postgres: %v", err)
			}
		}
		p.reaper.finish()
	})
}
