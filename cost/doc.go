// Package cost will own meters, prices, the ledger and budgets: what data costs and who answers for it. It knows catalog and
// the leaves, and no other domain.
package cost
