//go:build race

package dbt_test

// raced is whether the race detector runs, which makes everything slow and large.
const raced = true
