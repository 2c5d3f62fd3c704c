package schemaregistry

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"

	"portreeve/catalog"
	"portreeve/fault"
)

// maxFailures is how many subjects in a row may fail without an answer before the crawl gives up.
const maxFailures = 12

// observing is raised when more is learned of a subject, so that all are read again.
const observing = "1"

// crawl is one run over the subjects.
type crawl struct {
	*registry
	known  catalog.Known
	heads  map[string]string // sums of the newest versions by subject; the others are asked one by one
	levels levels
	shared *library
}

// seen is what a worker found of a subject.
type seen struct {
	observation catalog.Observation
	gone        bool // deleted since it was listed
	err         error
}

// crawl yields all subjects. It returns what ended it before the end of the list, unless that was the consumer.
func (r *registry) crawl(ctx context.Context, known catalog.Known, yield func(catalog.Observation, error) bool) error {
	names, err := r.client.subjects(ctx)
	if err != nil {
		return r.explain(err, allSubjects)
	}
	wanted := names[:0]
	for _, name := range names {
		if r.settings.wants(name) {
			wanted = append(wanted, name)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	run := &crawl{registry: r, known: known, shared: newLibrary(r.client)}
	run.levels = r.client.levels(ctx)
	if len(known) > 0 {
		run.heads = r.client.heads(ctx)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return run.all(ctx, wanted, yield)
}

// all reads subjects, atOnce at a time, and yields each as soon as it is there.
func (r *crawl) all(ctx context.Context, names []string, yield func(catalog.Observation, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	todo, done := make(chan string), make(chan seen)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel() // first, so that no worker waits for us
	for range atOnce {
		workers.Go(func() { r.work(ctx, todo, done) })
	}
	failures, next := 0, 0
	for finished := 0; finished < len(names); {
		var out chan<- string // nil, which nobody takes from, once all are handed out
		name := ""
		if next < len(names) {
			out, name = todo, names[next]
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case out <- name:
			next++
		case s := <-done:
			finished++
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if ends(s.err, &failures) {
				return s.err
			}
			if !s.gone && !yield(s.observation, s.err) {
				return nil
			}
		}
	}
	return nil
}

func (r *crawl) work(ctx context.Context, todo <-chan string, done chan<- seen) {
	for {
		select {
		case <-ctx.Done():
			return
		case name := <-todo:
			s := r.subject(ctx, name)
			select {
			case <-ctx.Done():
				return
			case done <- s:
			}
		}
	}
}

// ends reports whether no subject can be read any more: the registry is down or does not know us, or the last ones all failed.
func ends(err error, failures *int) bool {
	if quiet, ok := errors.AsType[*silence](err); ok {
		*failures++
		return quiet.down || *failures >= maxFailures
	}
	*failures = 0
	var no *refusal
	return errors.As(err, &no) && no.status == 401
}

// subject reads a subject, as far as it has changed since it was known.
func (r *crawl) subject(ctx context.Context, name string) seen {
	level, inherited, err := r.levels.of(ctx, r.client, name)
	if err != nil {
		return r.failed(name, err)
	}
	version := func(sum string) string { return r.fingerprint(sum, level, inherited) }
	was := r.known[name]
	if sum := r.heads[name]; sum != "" && was == version(sum) {
		return seen{observation: catalog.Observation{Name: name, Unchanged: true}}
	}
	latest, err := r.client.version(ctx, name, "latest")
	if isGone(err) {
		return seen{gone: true}
	}
	if err != nil {
		return r.failed(name, err)
	}
	now := version(latest.sum())
	if was == now {
		return seen{observation: catalog.Observation{Name: name, Unchanged: true}}
	}
	o, err := r.observe(ctx, name, &latest)
	if err != nil {
		return r.failed(name, err)
	}
	o.Detail.Schema.Compatibility, o.Detail.Schema.Inherited, o.Version = level, inherited, now
	return seen{observation: o}
}

func (r *crawl) failed(name string, err error) seen {
	return seen{observation: catalog.Observation{Name: name}, err: r.explain(err, "the subject "+name)}
}

// fingerprint is the Version of a subject: of its newest schema, its compatibility and the settings that its identifiers hang on.
// That a version before the newest was deleted shows only with the next one.
func (r *crawl) fingerprint(sum, level string, inherited bool) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q %q", r.namespace, r.settings.kafka, strings.Join(r.settings.contexts, "\n"))
	whose := "own"
	if inherited {
		whose = "inherited"
	}
	return fmt.Sprintf("%s:%s:%s:%s:%x", observing, sum, level, whose, h.Sum64())
}

// unreadable makes of a decoder's error one that a person can be shown.
func unreadable(subject string, version int, err error) error {
	return fault.Unavailablef(err, "version %d of the subject %s cannot be read: %s", version, fault.Line(subject, maxName), fault.Line(err.Error(), 500))
}
