package corpus

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var today = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

func TestCorpusIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (items []Item) {
		c := New(seed, today)
		for id := range int64(200) {
			items = append(items, c.Next(id))
		}
		return items
	}
	if diff := cmp.Diff(draw(42), draw(42)); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(draw(42), draw(43)) {
		t.Error("another seed makes the same datasets")
	}
}

func TestCorpusLooksLikeACompany(t *testing.T) {
	t.Parallel()
	const n = 5000
	c := New(42, today)
	var columns, described, restricted, certified, idle int
	for id := range int64(n) {
		it := c.Next(id)
		columns += len(it.Columns)
		count := func(is bool, n *int) {
			if is {
				*n++
			}
		}
		count(it.Description != "", &described)
		count(it.Teams != nil, &restricted)
		count(it.Certified, &certified)
		count(it.Usage < 1, &idle)
		if it.Name == "" || it.ColumnCount != len(it.Columns) || len(it.Columns) < 2 || len(it.Columns) > 200 || it.DataAt.After(today) {
			t.Fatalf("odd dataset %+v", it)
		}
	}
	for _, share := range []struct {
		what      string
		got       float64
		low, high float64
	}{
		{"columns per dataset", float64(columns) / n, 18.5, 20.5},
		{"described", float64(described) / n, .67, .73},
		{"restricted", float64(restricted) / n, .13, .17},
		{"certified", float64(certified) / n, .03, .05},
		{"hardly used", float64(idle) / n, .5, .65},
	} {
		if share.got < share.low || share.got > share.high {
			t.Errorf("%s: %.3f, want %g to %g", share.what, share.got, share.low, share.high)
		}
	}
}
