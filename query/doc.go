// Package query will own engines, statements, runs and results: people's SQL. It knows catalog and the leaves, and no other
// domain.
package query
