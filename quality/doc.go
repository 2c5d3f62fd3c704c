// Package quality will own contracts, checks, monitors and incidents: whether data is sound. It knows catalog and the leaves,
// and no other domain.
package quality
