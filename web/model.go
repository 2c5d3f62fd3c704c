package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/web/ui"
)

const (
	modelTestsShown   = 300 // of one resource
	modelDependsShown = 300
)

// model is a dbt resource that describes a dataset.
type model struct {
	catalog.ModelDetail
	Of    catalog.Key
	Links map[string]catalog.Key // by unique id, datasets that it depends on
}

// models returns the dbt resources that describe h.
func (h *datasetHead) models() []model {
	var all []model
	add := func(d *catalog.ModelDetail, of catalog.Key) {
		if d != nil && !slices.ContainsFunc(all, func(m model) bool { return m.UniqueID == d.UniqueID }) {
			all = append(all, model{ModelDetail: *d, Of: of})
		}
	}
	for i := range h.Others {
		add(h.Others[i].Detail.Model, h.Others[i].Key())
	}
	add(h.Detail.Model, h.Key())
	return all
}

func (s *Server) getModel(c echo.Context) error {
	h, err := s.datasetHead(c, "dbt")
	if h == nil {
		return err
	}
	models := h.models()
	if len(models) == 0 {
		return noSuchTab(c, h)
	}
	ctx := c.Request().Context()
	for i := range models {
		if err := s.linkDepends(ctx, &models[i]); err != nil {
			return err
		}
	}
	if err := s.link(ctx, h, h.lead(), h.Deprecated); err != nil {
		return err
	}
	return render(c, http.StatusOK, modelView(s.datasetShell(c, h), h, models))
}

// linkDepends finds the datasets that unique ids of dbt stand for.
func (s *Server) linkDepends(ctx context.Context, m *model) (err error) {
	m.Links, err = s.Catalog.ByNativeID(ctx, m.Of.Source, m.DependsOn[:min(len(m.DependsOn), namesResolved)])
	return err
}

// tests returns the tests of a model, those that failed first.
func (m *model) tests() []catalog.ModelTest {
	sorted := slices.Clone(m.Tests)
	slices.SortStableFunc(sorted, func(a, b catalog.ModelTest) int {
		return cmp.Or(cmp.Compare(testRank(a.Status), testRank(b.Status)), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Name, b.Name))
	})
	return sorted
}

func testRank(status string) int {
	switch tone, _ := testState(status); tone { //nolint:exhaustive // the rest is in between
	case ui.Bad:
		return 0
	case ui.Warn:
		return 1
	case ui.Good:
		return 3
	}
	return 2
}

// testState says how the last run of a test went.
func testState(status string) (tone ui.Tone, text string) {
	switch strings.ToLower(status) {
	case "pass", "success":
		return ui.Good, "Passed"
	case "fail":
		return ui.Bad, "Failed"
	case "error", "runtime error":
		return ui.Bad, "Could not run"
	case "warn":
		return ui.Warn, "Warned"
	case "skipped":
		return ui.Muted, "Skipped"
	case "":
		return ui.Muted, "Never run"
	}
	return ui.Info, cut(status, 40)
}

// testSummary answers how the tests went.
func (m *model) testSummary() string {
	if len(m.Tests) == 0 {
		return "no tests"
	}
	var order []string
	counts := map[string]int{}
	for _, t := range m.tests() {
		_, text := testState(t.Status)
		if counts[text] == 0 {
			order = append(order, text)
		}
		counts[text]++
	}
	for i, text := range order {
		order[i] = number(int64(counts[text])) + " " + strings.ToLower(text)
	}
	return strings.Join(order, ", ")
}

// webURL returns an address that a link may lead to, or "": only pages, nothing that a browser would run.
func webURL(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || len(address) > 2000 {
		return ""
	}
	return u.String()
}

// exposureURL is where a dashboard is, or "".
func (h *datasetHead) exposureURL() string {
	for _, m := range h.models() {
		if u := webURL(m.URL); u != "" {
			return u
		}
	}
	return ""
}

// owner names who answers for a dbt resource.
func (m *model) owner() string {
	switch {
	case m.OwnerName != "" && m.OwnerEmail != "":
		return cut(m.OwnerName, 80) + ", " + cut(m.OwnerEmail, 120)
	case m.OwnerEmail != "":
		return cut(m.OwnerEmail, 120)
	}
	return orUnknown(cut(m.OwnerName, 80))
}

// title is what a resource is called.
func (m *model) title() string {
	return upperFirst(cut(cmp.Or(m.Resource, "resource"), 40)) + " " + cut(m.UniqueID, 160)
}

func (m *model) lastRun() string {
	r := m.Run
	text := cmp.Or(cut(r.Status, 40), unknown) + " in " + took(time.Duration(min(max(r.Seconds, 0), 1e8)*float64(time.Second)))
	if r.Rows != nil && *r.Rows >= 0 {
		text += ", " + plural(int(*r.Rows), "row", "rows") + " as the adapter counts"
	}
	return text
}
