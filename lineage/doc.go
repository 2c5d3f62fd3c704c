// Package lineage will own jobs, runs and edges between datasets and columns: where data comes from and what breaks when it
// changes. It knows catalog and the leaves, and no other domain.
package lineage
