// Package query runs what people ask in SQL. It knows catalog and the leaves, and no other domain.
//
// An Engine is a system that runs statements: a Trino cluster, or DuckDB over the embedded lake. Every one of them passes the
// conformance suite in querytest, so that what is built on them need not know which it is.
package query
