package ui

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
	"pgregory.net/rapid"
)

func draw(t *testing.T, c templ.Component) *goquery.Document {
	t.Helper()
	var buf bytes.Buffer
	if err := c.Render(t.Context(), &buf); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(&buf)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func columns(values ...float64) Columns {
	c := Columns{Name: "n", Head: "Day", Unit: "Rows", Format: func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }}
	for i, v := range values {
		c.Data = append(c.Data, Column{Label: strconv.Itoa(i), Value: v, Text: strconv.FormatFloat(v, 'f', -1, 64)})
	}
	return c
}

// Bars start at zero and none leaves the plot, whatever the values.
func TestBarsStandInThePlot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := columns(rapid.SliceOfN(rapid.Float64Range(0, 1e15), 1, 60).Draw(t, "values")...)
		for i, d := range c.Data {
			x, y, w, h := c.bar(i)
			if x < 0 || x+w > plotWidth+1e-6 || y < -1e-6 || math.Abs(y+h-plotHeight) > 1e-6 {
				t.Fatalf("bar %d of %v stands at %v, %v with %v by %v", i, d.Value, x, y, w, h)
			}
			if d.Value > 0 && h < 1 {
				t.Fatalf("%v cannot be seen", d.Value)
			}
		}
	})
}

func TestAxisEndsAtARoundNumber(t *testing.T) {
	t.Parallel()
	for in, want := range map[float64]float64{0: 1, 1: 1, 7: 8, 32_800: 40_000, 100: 100, 101: 150, 0.02: 0.02, math.Inf(1): 1} {
		if got := niceCeil(in); math.Abs(got-want) > 1e-12 {
			t.Errorf("niceCeil(%v) = %v, want %v", in, got, want)
		}
	}
}

func TestAxisNamesFirstAndLast(t *testing.T) {
	t.Parallel()
	for n := 1; n < 100; n++ {
		at := columns(make([]float64, n)...).axisLabels()
		if at[0] != 0 || at[len(at)-1] != n-1 || len(at) > 8 {
			t.Errorf("%d columns are named at %v", n, at)
		}
	}
}

func TestChartReadsAsTable(t *testing.T) {
	t.Parallel()
	doc := draw(t, ColumnChart(columns(3, math.NaN(), 5)))
	if n := doc.Find("rect.col").Length(); n != 2 {
		t.Errorf("%d bars, want 2: a gap is no bar", n)
	}
	if n := doc.Find("table tbody tr").Length(); n != 3 {
		t.Errorf("%d rows in the table, want 3", n)
	}
	if doc.Find(`svg[role=img]`).AttrOr("aria-label", "") == "" {
		t.Error("the chart has no name")
	}
}

func TestSparkLeavesGaps(t *testing.T) {
	t.Parallel()
	line, last := sparkPath([]float64{1, 2, math.NaN(), 4}, 88, 20)
	if strings.Count(line, "M") != 2 || last == "" {
		t.Errorf("line %q, last %q: want two strokes", line, last)
	}
	if line, last := sparkPath(nil, 88, 20); line != "" || last != "" {
		t.Errorf("nothing is drawn as %q, %q", line, last)
	}
}

func TestHistogramShowsWhatIsFew(t *testing.T) {
	t.Parallel()
	bars := histBars([]int64{1, 0, 1_000_000})
	if len(bars) != 2 {
		t.Fatalf("%d bars, want 2", len(bars))
	}
	if bars[0][3] != "1.0" {
		t.Errorf("a bucket of one is %s high, want 1.0", bars[0][3])
	}
	if histBars([]int64{0, 0}) != nil {
		t.Error("an empty histogram has bars")
	}
}

func TestComponentsEscape(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script>`
	for name, c := range map[string]templ.Component{
		"badge": Badge(Good, "ok", evil), "status": Status(Bad, "", evil), "chip": Chip(evil, "/x?"+evil),
		"tabs": Tabs(evil, []Link{{Text: evil, URL: "/", Count: evil}}), "facet": Facet("kind", evil, true, []FacetValue{{Value: evil, Label: evil}}),
		"diff": Diff(evil, []DiffLine{{Sign: "+", Text: evil}}), "histogram": Histogram(evil, []int64{1}), "pager": PagerBar(Pager{Summary: evil, Next: "/?" + evil}),
	} {
		doc := draw(t, c)
		if doc.Find("script").Length() > 0 {
			t.Errorf("%s lets a script through", name)
		}
		if !strings.Contains(doc.Text(), "<script>") && name != "histogram" {
			t.Errorf("%s does not show the text", name)
		}
	}
}

func TestStepsThatLeadNowhereAreNoLinks(t *testing.T) {
	t.Parallel()
	doc := draw(t, PagerBar(Pager{Summary: "1–2 of 3", Next: "/?offset=2"}))
	if doc.Find("a").Length() != 1 || doc.Find("[aria-disabled=true]").Length() != 1 {
		t.Error("of the first page, not one step leads on")
	}
	if draw(t, PagerBar(Pager{Summary: "1–3 of 3"})).Find(".btn").Length() != 0 {
		t.Error("the only page has steps to others")
	}
}

// A name that is not in the set draws nothing, so every name in a page is looked up here.
func TestIconsThatPagesNameExist(t *testing.T) {
	t.Parallel()
	names := regexp.MustCompile(`(?:Icon|IconLarge)\("([^"]*)"\)|(?:Badge|Status|Callout)\([^,()]+(?:\([^()]*\))?, "([^"]+)"|Empty\("([^"]+)"`)
	files, err := filepath.Glob("../*.templ")
	if err != nil || len(files) == 0 {
		t.Fatal("no pages found", err)
	}
	own, _ := filepath.Glob("*.templ")
	seen := 0
	for _, file := range append(files, own...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range names.FindAllStringSubmatch(string(text), -1) {
			name := m[1] + m[2] + m[3]
			seen++
			if draw(t, Icon(name)).Find("svg > *").Length() == 0 {
				t.Errorf("%s names an icon %q that does not exist", file, name)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d names were found: the search is wrong", seen)
	}
}

func TestTonesHaveAnIcon(t *testing.T) {
	t.Parallel()
	for _, tone := range []Tone{Neutral, Good, Warn, Bad, Muted, Live, Accent, Info} {
		if draw(t, Status(tone, "", "x")).Find("svg > *").Length() == 0 {
			t.Errorf("tone %q has no icon: colour would be the only sign", tone)
		}
	}
}

// A column that its axis can only number has its whole name where there is room for it.
func TestColumnsAreNamedInFullBesideThePlot(t *testing.T) {
	t.Parallel()
	c := columns(3, 4)
	c.Data[1].Name = "1, at noon"
	doc := draw(t, ColumnChart(c))
	if got := doc.Find("tbody th").Text(); got != "01, at noon" {
		t.Errorf("the table names %q", got)
	}
	if got := doc.Find("rect title").Last().Text(); got != "1, at noon: 4" {
		t.Errorf("the bar is %q", got)
	}
	if got := doc.Find("svg text").Last().Text(); got != "1" {
		t.Errorf("the axis says %q", got)
	}
}
