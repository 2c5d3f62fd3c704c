package schemaregistry

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"portreeve/catalog"
	"portreeve/fault"
)

const (
	maxFiles      = 200      // schemas that one may refer to, by way of others too
	maxFileBytes  = 8 << 20  // all of them together
	maxShelfBytes = 32 << 20 // what a crawl keeps of them, as many subjects refer to the same
)

// file is a schema that another one refers to.
type file struct {
	name string // by which it is referred to
	text string
}

// library fetches the schemas that others refer to. A version never changes, so one answer does for a crawl.
type library struct {
	client *client
	mu     sync.Mutex
	shelf  map[catalog.SchemaReference]version // by subject and version
	bytes  int
}

func newLibrary(c *client) *library {
	return &library{client: c, shelf: map[catalog.SchemaReference]version{}}
}

// references returns what v refers to, by way of others too, in no order that matters.
func (l *library) references(ctx context.Context, v *version) ([]file, error) {
	var files []file
	bytes, met := 0, map[catalog.SchemaReference]bool{}
	for queue := v.References; len(queue) > 0; {
		ref := queue[0]
		queue = queue[1:]
		if met[ref] {
			continue
		}
		met[ref] = true
		target, err := l.fetch(ctx, ref)
		if isGone(err) {
			const msg = "version %d of the subject %s cannot be read: it refers to version %d of %s, which is not in the registry"
			return nil, fault.Unavailablef(err, msg, v.Version, fault.Line(v.Subject, maxName), ref.Version, fault.Line(ref.Subject, maxName))
		}
		if err != nil {
			return nil, fmt.Errorf("reference to %s: %w", fault.Line(ref.Subject, maxName), err)
		}
		files = append(files, file{ref.Name, target.Schema})
		bytes += len(target.Schema)
		if len(files) > maxFiles || bytes > maxFileBytes || len(queue)+len(target.References) > 10*maxFiles {
			const msg = "version %d of the subject %s cannot be read: it refers to more than %d other schemas or %d MiB of them"
			return nil, fault.Unavailablef(nil, msg, v.Version, fault.Line(v.Subject, maxName), maxFiles, maxFileBytes>>20)
		}
		queue = append(slices.Clip(queue), target.References...)
	}
	return files, nil
}

func (l *library) fetch(ctx context.Context, ref catalog.SchemaReference) (version, error) {
	key := catalog.SchemaReference{Subject: ref.Subject, Version: ref.Version}
	l.mu.Lock()
	v, found := l.shelf[key]
	l.mu.Unlock()
	if found {
		return v, nil
	}
	number := "latest" // -1 in some registries
	if ref.Version > 0 {
		number = strconv.Itoa(ref.Version)
	}
	v, err := l.client.version(ctx, ref.Subject, number)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.bytes+len(v.Schema) <= maxShelfBytes {
		l.shelf[key] = v
		l.bytes += len(v.Schema)
	}
	return v, err
}
