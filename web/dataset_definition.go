package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/web/ui"
)

// definition is a text that says how a dataset comes about, and whose it is.
type definition struct {
	Text string
	Of   catalog.Key
	Kind catalog.Kind
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
		all = append(all, definition{text, of, kind})
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
	if len(h.definitions()) == 0 {
		return h.noSuchTab("definition")
	}
	if err := s.link(c.Request().Context(), h, h.lead(), h.Deprecated); err != nil {
		return err
	}
	return render(c, http.StatusOK, datasetDefinitionView(s.datasetShell(c, h), h))
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
	return ui.Code{ID: "definition-" + strconv.Itoa(i), Name: "definition in " + whose(d.Of), Lang: "sql", Text: d.Text}
}

// lines says how long a definition is.
func (d definition) lines() string {
	return plural(strings.Count(strings.TrimRight(d.Text, "\n"), "\n")+1, "line", "lines")
}
