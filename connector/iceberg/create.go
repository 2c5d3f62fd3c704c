package iceberg

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/apache/iceberg-go"
	icebergsql "github.com/apache/iceberg-go/catalog/sql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"portreeve/fault"
)

// Init makes the two tables of the Iceberg catalog in the database that dsn names, unless they are there. Their layout is the
// one that Trino's JDBC catalog calls V1: other engines may share them.
func Init(ctx context.Context, dsn string) error {
	const q = `
		CREATE TABLE IF NOT EXISTS iceberg_tables (
			catalog_name               varchar(255) NOT NULL,
			table_namespace            varchar(255) NOT NULL,
			table_name                 varchar(255) NOT NULL,
			metadata_location          varchar(1000),
			previous_metadata_location varchar(1000),
			iceberg_type               varchar(5),
			PRIMARY KEY (catalog_name, table_namespace, table_name)
		);
		CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
			catalog_name   varchar(255) NOT NULL,
			namespace      varchar(255) NOT NULL,
			property_key   varchar(255),
			property_value varchar(1000),
			PRIMARY KEY (catalog_name, namespace, property_key)
		)`
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Msg: "the address of the Iceberg catalog cannot be read", Err: err}
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, q); err != nil {
		return fault.Unavailablef(err, "the Iceberg catalog cannot be made")
	}
	return nil
}

// Writer returns iceberg-go's catalog over the lake of this name, to make and change tables with. New tables lie below
// warehouse, a file:// address. The caller closes it, which closes db as well.
func Writer(name, warehouse, dsn string) (*WriteCatalog, error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Msg: "the address of the Iceberg catalog cannot be read", Err: err}
	}
	db.SetMaxOpenConns(2)
	c, err := icebergsql.NewCatalog(name, db, icebergsql.Postgres, iceberg.Properties{
		"warehouse": warehouse, "init_catalog_tables": "false",
	})
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open Iceberg catalog %s: %w", name, err)
	}
	return &WriteCatalog{c, db}, nil
}

// WriteCatalog is an iceberg-go catalog with its database.
type WriteCatalog struct {
	*icebergsql.Catalog
	db *sql.DB
}

// Close closes the catalog and its database.
func (c *WriteCatalog) Close() error {
	if err := c.Catalog.Close(); err != nil {
		c.db.Close()
		return err
	}
	return c.db.Close()
}
