package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/fault"
)

// page is what people read of a dataset, as far as history keeps it.
type page struct {
	Fields  map[string]string
	Kind    catalog.Kind
	Gone    bool
	Columns []string // path, type, null, words
}

func pageOf(d *catalog.Dataset, columns []catalog.WholeColumn) page {
	p := page{Fields: map[string]string{}, Kind: d.Kind, Gone: d.GoneAt != nil}
	for _, field := range catalog.Fields() {
		p.Fields[field] = d.Value(field)
	}
	for _, c := range columns {
		p.Columns = append(p.Columns, fmt.Sprint(c.Path, " ", c.Type, " ", c.Nullable, " ", c.Comment))
	}
	return p
}

func (d *desk) whole(t *testing.T, name string) (catalog.Whole, []catalog.WholeColumn) {
	t.Helper()
	w, err := d.Whole(t.Context(), d.dataset(t, name))
	if err != nil {
		t.Fatal(err)
	}
	columns, err := d.WholeColumns(t.Context(), &w, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return w, columns
}

// stir does something at random to the table: a crawl that finds it changed, or an edit.
func (d *desk) stir(t *testing.T, rnd *rand.Rand, n int) {
	t.Helper()
	word := func() string { return fmt.Sprint("words ", rnd.IntN(1000)) }
	var seen *catalog.Observation
	if all := d.source.scopes["raw"]; len(all) > 0 {
		seen = &all[0]
	}
	pick := func() *catalog.Column { return &seen.Columns[rnd.IntN(3)] } // the rest comes and goes
	switch rnd.IntN(14) {
	case 0:
		seen.Description = word()
	case 1:
		seen.Team, seen.Certified = word(), !seen.Certified
	case 2:
		seen.Tags = []string{word(), "bucket(16, id)"}
	case 3:
		c := pick()
		c.Type, c.Nullable = word(), !c.Nullable
	case 4:
		pick().Comment = word()
	case 5:
		pick().Path = fmt.Sprint("renamed", n)
	case 6:
		seen.Columns = append(seen.Columns, catalog.Column{Path: fmt.Sprint("new", n), Type: "int", Nullable: true, NativeID: strconv.Itoa(100 + n)})
	case 7:
		seen.Columns = seen.Columns[:max(3, len(seen.Columns)-1)]
	default:
		fields := []string{"title", "description", "deprecated", "tags", "certified", "access", "fresh_within", "team", "column"}
		value := map[string]string{
			"tags": catalog.ListValue([]string{fmt.Sprint("tag", n)}), "certified": []string{"yes", "no"}[rnd.IntN(2)],
			"access": []string{"open", "restricted"}[rnd.IntN(2)], "fresh_within": strconv.Itoa(60 + n), "team": []string{"ops", "sales"}[rnd.IntN(2)],
		}
		field := fields[rnd.IntN(len(fields))]
		text, special := value[field]
		if !special {
			text = word()
		}
		if field == "certified" && d.dataset(t, "t").Deprecated != "" {
			text = "no" // what is deprecated is not certified
		}
		if field == "column" {
			_, columns := d.whole(t, "t")
			field = catalog.ColumnField(columns[rnd.IntN(3)].Path)
		}
		edit := set(field, text)
		if rnd.IntN(4) == 0 {
			edit.Value = nil
		}
		d.edit(t, d.admin, "t", edit)
		return
	}
	d.sync(t)
}

// A page as of the moment of any change reads as it was read then.
func TestAsOfIsWhatWasRead(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			o := owned("t")
			for i := range 3 {
				o.Columns = append(o.Columns, catalog.Column{Path: fmt.Sprint("c", i), Type: "int", Comment: "seen", NativeID: strconv.Itoa(i + 1)})
			}
			d := newDesk(t, o)
			rnd := rand.New(rand.NewPCG(seed, 7))
			read := map[time.Time]page{}
			var times []time.Time
			for n := range 60 {
				d.stir(t, rnd, n)
				var at time.Time
				if err := d.db.QueryRow(t.Context(), `SELECT max(at) FROM dataset_change`).Scan(&at); err != nil {
					t.Fatal(err)
				}
				w, columns := d.whole(t, "t")
				if _, known := read[at]; !known {
					times = append(times, at)
				}
				read[at] = pageOf(&w.Dataset, columns)
			}
			w, _ := d.whole(t, "t")
			for _, at := range times {
				past, err := d.AsOf(t.Context(), &w, at)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(read[at], pageOf(&past.Whole.Dataset, past.Columns)); diff != "" {
					t.Fatalf("as of %s (−read then, +told now):\n%s", at, diff)
				}
			}
		})
	}
}

func TestAsOfBeforeItWasSeen(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	w, _ := d.whole(t, "t")
	_, err := d.AsOf(t.Context(), &w, w.CreatedAt.Add(-time.Second))
	if fault.KindOf(err) != fault.NotFound || !strings.Contains(fault.Message(err), "first seen") {
		t.Errorf("before the first sight: %v", err)
	}
}

func TestAsOfSaysWhatItCannotTell(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a", "b"))
	before, _ := d.whole(t, "t")
	d.source.scopes["raw"][0].Columns = d.source.scopes["raw"][0].Columns[:1]
	d.sync(t)
	w, _ := d.whole(t, "t")
	past, err := d.AsOf(t.Context(), &w, before.CreatedAt)
	if err != nil || len(past.Columns) != 2 || len(past.Unsure) != 1 {
		t.Errorf("%d columns, unsure of %q, %v; want 2 and one thing", len(past.Columns), past.Unsure, err)
	}
}

func TestAsOfOfWhatIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"), owned("u", "a"))
	d.source.scopes["raw"] = d.source.scopes["raw"][1:]
	d.sync(t)
	w, _ := d.whole(t, "t")
	if w.GoneAt == nil {
		t.Fatal("it is not gone")
	}
	past, err := d.AsOf(t.Context(), &w, w.CreatedAt)
	if err != nil || past.Whole.GoneAt != nil {
		t.Errorf("gone at %v, %v; it was there then", past.Whole.GoneAt, err)
	}
}
