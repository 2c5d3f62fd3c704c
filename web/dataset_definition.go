package web

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/web/ui"
)

// definition is a text that says how a dataset comes about, and whose it is.
type definition struct {
	Text  string
	Of    catalog.Key
	Kind  catalog.Kind
	Links map[string]string // addresses of the datasets that Text names, by how it names them
}

// definitions returns what the dataset and its other names are defined by, each text once.
func (h *datasetHead) definitions() []definition {
	var all []definition
	add := func(text string, of catalog.Key, kind catalog.Kind) {
		if strings.TrimSpace(text) == "" {
			return
		}
		for _, d := range all {
			if d.Text == text {
				return
			}
		}
		all = append(all, definition{Text: text, Of: of, Kind: kind})
	}
	if _, taken := h.From["definition"]; !taken {
		add(h.Definition, h.Key(), h.Kind)
	}
	for i := range h.Others {
		add(h.Others[i].Definition, h.Others[i].Key(), h.Others[i].Kind)
	}
	return all
}

func (s *Server) getDatasetDefinition(c echo.Context) error {
	h, err := s.datasetHead(c, "definition")
	if h == nil {
		return err
	}
	all := h.definitions()
	if len(all) == 0 {
		return noSuchTab(c, h)
	}
	for i := range all {
		if err := s.linkTables(c.Request().Context(), &all[i]); err != nil {
			return err
		}
	}
	if err := s.link(c.Request().Context(), h, h.lead(), h.Deprecated); err != nil {
		return err
	}
	return render(c, http.StatusOK, datasetDefinitionView(s.datasetShell(c, h), h, all))
}

// tableName finds what a query reads: the names after FROM and JOIN. It is no parser: what it takes for a name and is none is
// not found in the catalog.
var tableName = regexp.MustCompile(`(?i)\b(?:from|join)\s+([\pL\pN_$."]+)`)

// linkTables finds the datasets that a definition reads. A name may leave out what it shares with that of the definition's own
// dataset: in lake.sales.daily, orders is lake.sales.orders, and raw.orders is lake.raw.orders.
func (s *Server) linkTables(ctx context.Context, d *definition) error {
	prefixes := []string{""}
	for i, r := range d.Of.Name {
		if r == '.' {
			prefixes = append(prefixes, d.Of.Name[:i+1])
		}
	}
	slices.Reverse(prefixes) // the nearest first
	var names, wanted []string
	for _, m := range tableName.FindAllStringSubmatch(d.Text, namesResolved) {
		name := strings.ReplaceAll(m[1], `"`, "")
		if slices.Contains(names, name) || len(wanted) >= namesResolved {
			continue
		}
		names = append(names, name)
		for _, p := range prefixes {
			wanted = append(wanted, p+name)
		}
	}
	found, err := s.resolved(ctx, d.Of.Source, wanted)
	if err != nil {
		return err
	}
	d.Links = map[string]string{}
	for _, name := range names {
		for _, p := range prefixes {
			if key, ok := found[p+name]; ok && key != d.Of {
				d.Links[name] = datasetURL(key, "")
				break
			}
		}
	}
	return nil
}

// title says what a definition is.
func (d definition) title() string {
	if d.Kind == catalog.Model {
		return "Code of the model"
	}
	if d.Kind == catalog.View {
		return "SQL of the view"
	}
	return "Definition"
}

func (d definition) code(i int) ui.Code {
	return ui.Code{ID: "definition-" + strconv.Itoa(i), Name: "definition in " + whose(d.Of), Lang: "sql", Text: d.Text, Links: d.Links}
}

// lines says how long a definition is.
func (d definition) lines() string {
	return plural(strings.Count(strings.TrimRight(d.Text, "\n"), "\n")+1, "line", "lines")
}
