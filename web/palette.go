package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// destination is a page that the palette knows by name.
type destination struct {
	Text, URL, Icon, Keys string
}

// paletteAnswer is what the palette lists for what has been typed.
type paletteAnswer struct {
	Text   string
	Hits   []catalog.Hit
	Places []destination
}

// getPalette lists datasets and pages for what has been typed so far.
func (s *Server) getPalette(c echo.Context) error {
	text := strings.TrimSpace(c.QueryParam("q"))
	a := paletteAnswer{Text: text, Places: s.places(text, principal(c).Person)}
	if text != "" {
		result, err := s.Catalog.Search(c.Request().Context(), catalog.SearchQuery{Text: text, Limit: 8})
		if err != nil && fault.KindOf(err) != fault.Invalid { // a question half typed is no error
			return err
		}
		a.Hits = result.Items
	}
	return render(c, http.StatusOK, paletteList(a))
}

// places returns the pages whose name has a word that begins with text; all of them for "".
func (s *Server) places(text string, person access.Person) []destination {
	all := []destination{
		{"Home", "/", "home", "g h"},
		{"Data: search all datasets", "/data", "table", "g d"},
		{"Data: freshest first", "/data?sort=fresh", "clock", ""},
		{"Sources and their crawls", "/sources", "source", "g s"},
		{"API reference", "/api/openapi.json", "link", ""},
	}
	if s.Demo {
		all = append(all, destination{"Components of the portal", "/ui", "grid", ""}, destination{"Switch person", "/login", "user", ""})
	}
	if person.ID == 0 {
		return nil
	}
	var found []destination
	for _, d := range all {
		if beginsAWord(d.Text, text) {
			found = append(found, d)
		}
	}
	return found
}

// beginsAWord reports whether a word of text begins with prefix, whatever the case.
func beginsAWord(text, prefix string) bool {
	prefix = strings.ToLower(prefix)
	return prefix == "" || slices.ContainsFunc(strings.Fields(strings.ToLower(text)), func(word string) bool {
		return strings.HasPrefix(word, prefix)
	})
}

func formQuery(name, value string) string { return url.Values{name: {value}}.Encode() }
