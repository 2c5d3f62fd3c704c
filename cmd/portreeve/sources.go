package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"portreeve/catalog"
	"portreeve/connector/dbt"
	"portreeve/connector/iceberg"
	"portreeve/connector/kafka"
	"portreeve/connector/postgres"
	"portreeve/connector/schemaregistry"
	"portreeve/connector/trino"
	"portreeve/estate"
	"portreeve/fault"
)

// connectors are all kinds of sources there are: a new one is a line here. lake returns the address of the Iceberg catalog
// beside the portal's own tables.
func connectors(lake func(context.Context) (string, error)) []catalog.Connector {
	return []catalog.Connector{
		trino.Connector(),
		postgres.Connector(),
		kafka.Connector(),
		schemaregistry.Connector(),
		dbt.Connector(),
		lakes(lake),
	}
}

// noLake stands for the portal's own Iceberg catalog where there is no portal.
func noLake(context.Context) (string, error) {
	return "", fault.Invalidf("catalog_url", "the setting catalog_url is missing, and the portal's own database, where the catalog would be, is not known here")
}

// lakes is the connector of Iceberg tables whose catalog is in a Postgres database.
func lakes(own func(context.Context) (string, error)) catalog.Connector {
	return catalog.Connector{
		Kind:  "iceberg",
		Title: "Iceberg lake",
		Settings: []catalog.ConnectorSetting{
			{Name: iceberg.CatalogKey, Required: true, Help: "Name of the Iceberg catalog, by which its tables are told from those of others in one database."},
			{
				Name: "catalog_url", Secret: true,
				Help: "Address of the Postgres database with the JDBC catalog's tables: postgres://user:password@host:5432/database. Else the schema lake of the portal's own.",
			},
			{Name: iceberg.WarehouseKey, Help: "Folder that new tables are put into, such as file:///srv/lake."},
		},
		Open: func(ctx context.Context, src catalog.Source) (catalog.Connection, error) {
			address := src.Config["catalog_url"]
			if address == "" {
				var err error
				if address, err = own(ctx); err != nil {
					return catalog.Connection{}, err
				}
			}
			return iceberg.Open(ctx, src, address)
		},
	}
}

// sources opens sources by their kind and keeps them open.
type sources struct {
	catalog    *catalog.Store
	reader     catalog.Reader
	connectors []catalog.Connector
	env        func(string) (string, bool)

	mu    sync.Mutex
	slots map[string]*slot
}

// slot is where one source is open. Opening one waits for no other.
type slot struct {
	mu  sync.Mutex
	now *opened // nil: not open
	old []*opened
}

// opened is a connection and what it was made of.
type opened struct {
	kind, namespace string
	config          map[string]string // with its secrets
	conn            catalog.Connection
	users           int
}

func newSources(store *catalog.Store, reader catalog.Reader, known []catalog.Connector, env func(string) (string, bool)) *sources {
	return &sources{catalog: store, reader: reader, connectors: known, env: env, slots: map[string]*slot{}}
}

func (s *sources) slot(slug string) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots[slug] == nil {
		s.slots[slug] = &slot{}
	}
	return s.slots[slug]
}

// Open returns a connection to src: an open one unless its settings, or what their references stand for, have changed. Its
// Close gives it back.
func (s *sources) Open(ctx context.Context, src catalog.Source) (catalog.Connection, error) {
	expanded, err := estate.Expand(src, s.env)
	if err != nil {
		return catalog.Connection{}, err
	}
	at := s.slot(src.Slug)
	at.mu.Lock()
	defer at.mu.Unlock()
	if o := at.now; o == nil || o.kind != src.Kind || o.namespace != src.Namespace || !maps.Equal(o.config, expanded.Config) {
		conn, err := s.connect(ctx, expanded)
		if err != nil {
			return catalog.Connection{}, err
		}
		if o != nil {
			at.old = append(at.old, o)
		}
		at.now = &opened{kind: src.Kind, namespace: src.Namespace, config: expanded.Config, conn: conn}
		_ = at.closeUnused() // what it was read from, it was read from well
	}
	return at.lend(), nil
}

// lend returns the open connection; the last one to give back a replaced one closes it.
func (at *slot) lend() catalog.Connection {
	o := at.now
	o.users++
	lent := o.conn
	lent.Close = sync.OnceValue(func() error {
		at.mu.Lock()
		defer at.mu.Unlock()
		o.users--
		return at.closeUnused()
	})
	return lent
}

// closeUnused closes replaced connections that nobody uses.
func (at *slot) closeUnused() (err error) {
	at.old = slices.DeleteFunc(at.old, func(o *opened) bool {
		if o.users == 0 {
			err = errors.Join(err, o.conn.Close())
		}
		return o.users == 0
	})
	return err
}

// Close closes all connections, whoever uses them.
func (s *sources) Close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.slots {
		at.mu.Lock()
		if at.now != nil {
			at.old = append(at.old, at.now)
		}
		for _, o := range at.old {
			err = errors.Join(err, o.conn.Close())
		}
		at.now, at.old = nil, nil
		at.mu.Unlock()
	}
	return err
}

// connect opens src, whose references have been replaced, by its kind.
func (s *sources) connect(ctx context.Context, src catalog.Source) (catalog.Connection, error) {
	i := slices.IndexFunc(s.connectors, func(c catalog.Connector) bool { return c.Kind == src.Kind })
	if i < 0 {
		return catalog.Connection{}, fault.Invalidf("kind", "source %s is of the kind %q, which this portreeve does not know", src.Slug, src.Kind)
	}
	conn, err := s.connectors[i].Open(ctx, src)
	if err == nil && conn.Close == nil {
		conn.Close = func() error { return nil }
	}
	return conn, err
}

// Sample returns the first limit rows of a dataset's current snapshot, of these top-level columns; nil is all. Others are not
// read.
func (s *sources) Sample(ctx context.Context, key catalog.Key, columns []string, limit int) (catalog.Sample, error) {
	src, err := s.catalog.Source(ctx, key.Source)
	if err != nil {
		return catalog.Sample{}, err
	}
	conn, err := s.Open(ctx, src)
	if err != nil {
		return catalog.Sample{}, err
	}
	defer func() { _ = conn.Close() }() // read from only
	if conn.Planner == nil {
		return catalog.Sample{}, fault.Invalidf("", "rows of %s cannot be read from here", key.Source)
	}
	plan, err := conn.Planner.Plan(ctx, key.Name)
	if err != nil {
		return catalog.Sample{}, err
	}
	if columns != nil {
		plan.Columns = slices.DeleteFunc(slices.Clone(plan.Columns), func(c catalog.PlanColumn) bool { return !slices.Contains(columns, c.Name) })
		if len(plan.Columns) == 0 {
			return catalog.Sample{Key: key, SnapshotID: plan.SnapshotID}, nil
		}
	}
	return s.reader.Sample(ctx, plan, limit)
}
