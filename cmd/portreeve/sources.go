package main

import (
	"context"
	"errors"
	"maps"
	"sync"

	"portreeve/catalog"
	"portreeve/connector/iceberg"
	"portreeve/fault"
)

// sources opens sources by their kind and keeps them open. It is the one place that knows every connector.
type sources struct {
	catalog *catalog.Store
	reader  catalog.Reader
	db      *database // of the portal: the lake keeps its Iceberg catalog there

	mu   sync.Mutex
	open map[string]opened
	old  []catalog.Connection // replaced, maybe still in use
}

type opened struct {
	config map[string]string
	conn   catalog.Connection
}

func newSources(store *catalog.Store, reader catalog.Reader, db *database) *sources {
	return &sources{catalog: store, reader: reader, db: db, open: map[string]opened{}}
}

// Open returns a connection to src: an open one unless its settings have changed. Its Close does nothing; see Close.
func (s *sources) Open(ctx context.Context, src catalog.Source) (catalog.Connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.open[src.Slug]
	if !ok || !maps.Equal(o.config, src.Config) {
		conn, err := s.connect(ctx, src)
		if err != nil {
			return catalog.Connection{}, err
		}
		if ok {
			s.old = append(s.old, o.conn)
		}
		o = opened{maps.Clone(src.Config), conn}
		s.open[src.Slug] = o
	}
	lent := o.conn
	lent.Close = func() error { return nil }
	return lent, nil
}

// Close closes all connections.
func (s *sources) Close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.open {
		s.old = append(s.old, o.conn)
	}
	for _, conn := range s.old {
		err = errors.Join(err, conn.Close())
	}
	s.open, s.old = map[string]opened{}, nil
	return err
}

func (s *sources) connect(ctx context.Context, src catalog.Source) (catalog.Connection, error) {
	switch src.Kind { //nolint:gocritic // a connector is one case
	case "iceberg":
		url, err := lakeURL(ctx, s.db)
		if err != nil {
			return catalog.Connection{}, err
		}
		return iceberg.Open(ctx, src, url)
	}
	return catalog.Connection{}, fault.Invalidf("kind", "source %s is of the kind %q, which this portreeve does not know", src.Slug, src.Kind)
}

// Sample returns the first limit rows of a dataset's current snapshot.
func (s *sources) Sample(ctx context.Context, key catalog.Key, limit int) (catalog.Sample, error) {
	src, err := s.catalog.Source(ctx, key.Source)
	if err != nil {
		return catalog.Sample{}, err
	}
	conn, err := s.Open(ctx, src)
	if err != nil {
		return catalog.Sample{}, err
	}
	if conn.Planner == nil {
		return catalog.Sample{}, fault.Invalidf("", "rows of %s cannot be read from here", key.Source)
	}
	plan, err := conn.Planner.Plan(ctx, key.Name)
	if err != nil {
		return catalog.Sample{}, err
	}
	return s.reader.Sample(ctx, plan, limit)
}
