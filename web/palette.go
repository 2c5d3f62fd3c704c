package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// destination is a page that the palette knows by name.
type destination struct {
	Text, URL, Icon, Keys string
}

// destinations are pages or things under one heading.
type destinations struct {
	Title string
	Items []destination
	ID    string // of the heading, unique in the palette
}

// paletteAnswer is what the palette lists for what has been typed.
type paletteAnswer struct {
	Text    string
	Home    bool // the list stands below the search box of the home page: datasets only
	Hits    []catalog.Hit
	Recent  []catalog.Dataset // opened by this person, for those who typed nothing yet
	Found   []destinations    // teams, people, domains and terms
	Places  []destination
	Actions []action
}

// id makes an id of an option: the palette and the home page's list may stand on one page.
func (a paletteAnswer) id(kind string, i int) string {
	if a.Home {
		kind = "home-" + kind
	}
	return kind + strconv.Itoa(i)
}

// commanded reports whether what was typed names an action by two words or more: then it is the first choice. One word is
// more likely part of a dataset's name, and Enter must not start a crawl.
func (a paletteAnswer) commanded() bool { return len(a.Actions) > 0 && strings.Contains(a.Text, " ") }

// action is something that the palette does. It sends the form that stands in the palette, or opens a dialog.
type action struct {
	Text, Icon, Keys  string
	Path, Name, Value string // where to send the form, and a field of it
	Opens             string // the id of a dialog, in place of Path
}

// getPalette lists datasets and pages for what has been typed so far.
func (s *Server) getPalette(c echo.Context) error {
	text := strings.TrimSpace(c.QueryParam("q"))
	ctx, who := c.Request().Context(), principal(c).Person
	a := paletteAnswer{Text: text, Home: c.QueryParam("for") == "home"}
	var err error
	if text != "" {
		result, err := s.Catalog.Search(ctx, catalog.SearchQuery{Text: text, Limit: 8})
		if err != nil && fault.KindOf(err) != fault.Invalid { // a question half typed is no error
			return err
		}
		a.Hits = result.Items
	} else if !a.Home {
		if a.Recent, err = s.Catalog.Opened(ctx, who.ID, 5); err != nil {
			return err
		}
	}
	if !a.Home {
		if a.Found, err = s.named(ctx, text); err != nil {
			return err
		}
		a.Places = s.places(text, who)
		if a.Actions, err = s.actions(ctx, text, who); err != nil {
			return err
		}
	}
	return render(c, http.StatusOK, paletteList(a))
}

// named returns the teams, people, domains and terms whose name has text in it. One letter is in too many of them.
func (s *Server) named(ctx context.Context, text string) ([]destinations, error) {
	const shown = 4
	if utf8.RuneCountInString(text) < 2 {
		return nil, nil
	}
	text = cut(text, 200)
	teams, _, err := s.Access.Teams(ctx, text, 0, shown)
	if err != nil {
		return nil, err
	}
	people, _, err := s.Access.Colleagues(ctx, text, false, 0, shown)
	if err != nil {
		return nil, err
	}
	domains, _, err := s.Access.Domains(ctx, text, 0, shown)
	if err != nil {
		return nil, err
	}
	terms, _, err := s.Catalog.Terms(ctx, text, "", 0, shown)
	if err != nil {
		return nil, err
	}
	all := []destinations{{Title: "Teams", ID: "p-teams"}, {Title: "People", ID: "p-people"}, {Title: "Domains", ID: "p-domains"}, {Title: "Terms", ID: "p-terms"}}
	add := func(i int, name, url, icon string) {
		all[i].Items = append(all[i].Items, destination{cut(name, 60), url, icon, ""})
	}
	for i := range teams {
		add(0, teams[i].Name, teamURL(teams[i].Slug), "team")
	}
	for i := range people {
		add(1, people[i].Name, personURL(people[i].ID), "user")
	}
	for i := range domains {
		add(2, domains[i].Name, domainURL(domains[i].Slug), "domain")
	}
	for i := range terms {
		add(3, terms[i].Name, termURL(terms[i].Slug), "note")
	}
	return slices.DeleteFunc(all, func(d destinations) bool { return len(d.Items) == 0 }), nil
}

// places returns the pages that the person may see, of whose name each word of text begins a word; all of them for "".
func (s *Server) places(text string, person access.Person) []destination {
	if person.ID == 0 {
		return nil
	}
	all := []destination{
		{"Home", "/", "home", "g h"},
		{"Data: search all datasets", "/data", "table", "g d"},
		{"Data: freshest first", "/data?sort=fresh", "clock", ""},
		{"Requests for access, and what you may read", "/requests", "key", "g r"},
		{"Sources and their crawls", "/sources", "source", "g s"},
		{"Teams", "/teams", "team", "g t"},
		{"People", "/people", "user", ""},
		{"Domains and their stewards", "/domains", "domain", ""},
		{"Glossary of terms", "/glossary", "note", "g g"},
		{"Notifications", "/notifications", "bell", "g n"},
		{"What you watch, mail and webhooks", "/watching", "bell", ""},
		{"Your account: tokens and sessions", "/me", "user", ""},
		{"API reference", docsPath, "link", ""},
	}
	if person.Role.Includes(access.Owner) {
		all = append(all,
			destination{"Ownership gaps", "/ownership", "unknown", ""},
			destination{"Register a dataset by hand", "/register", "plus", ""},
			destination{"Edit by CSV: describe many datasets", "/data/sheet", "edit", ""})
	}
	if person.Role == access.Admin {
		all = append(all,
			destination{"Services and their tokens", "/admin/services", "settings", ""},
			destination{"Audit log", auditPath, "shield", ""},
			destination{"Team: add one", "/teams/new", "plus", ""},
			destination{"Domain: add one", "/domains/new", "plus", ""})
	}
	if person.Role.Includes(access.Steward) {
		all = append(all, destination{"Term: define one", "/glossary/new", "plus", ""})
	}
	if s.Demo {
		all = append(all, destination{"Components of the portal", "/ui", "grid", ""}, destination{"Switch person", "/login", "user", ""})
	}
	return slices.DeleteFunc(all, func(d destination) bool { return !beginsWords(d.Text, text) })
}

// actions returns what can be done whose name has a word that begins with each word of text.
func (s *Server) actions(ctx context.Context, text string, person access.Person) ([]action, error) {
	all := []action{
		{Text: "Theme: light", Icon: "sun", Path: "/preferences", Name: "theme", Value: "light"},
		{Text: "Theme: dark", Icon: "moon", Path: "/preferences", Name: "theme", Value: "dark"},
		{Text: "Theme: as the system", Icon: "screen", Path: "/preferences", Name: "theme"},
		{Text: "Keyboard: all keys", Icon: "help", Keys: "?", Opens: "keys"},
	}
	if first, _, _ := strings.Cut(text, " "); person.Role.Includes(access.Owner) && (text == "" || beginsAWord("crawl now", first)) {
		sources, err := s.Catalog.Sources(ctx)
		if err != nil {
			return nil, err
		}
		for _, src := range sources[:min(len(sources), 50)] {
			all = append(all, action{Text: "Crawl " + src.Slug + " now", Icon: "refresh", Path: "/sources/" + url.PathEscape(src.Slug) + "/crawl"})
		}
	}
	const shown = 6
	var found []action
	for _, a := range all {
		if beginsWords(a.Text, text) && len(found) < shown {
			found = append(found, a)
		}
	}
	return found, nil
}

// matchedAs says where a hit was found that its name does not show, else what the dataset is.
func matchedAs(h *catalog.Hit) string {
	for _, r := range reasons(h) {
		if r.field == "name" {
			break
		}
		if len(r.snippets) > 0 {
			return r.field + " " + cut(spanText(r.snippets[0]), 40)
		}
	}
	return firstSentence(h.Description, 48)
}

// beginsWords reports whether each word of typed begins a word of text.
func beginsWords(text, typed string) bool {
	return !slices.ContainsFunc(strings.Fields(typed), func(word string) bool { return !beginsAWord(text, word) })
}

// beginsAWord reports whether a word of text begins with prefix, whatever the case.
func beginsAWord(text, prefix string) bool {
	prefix = strings.ToLower(prefix)
	return prefix == "" || slices.ContainsFunc(strings.Fields(strings.ToLower(text)), func(word string) bool {
		return strings.HasPrefix(word, prefix)
	})
}

func formQuery(name, value string) string { return url.Values{name: {value}}.Encode() }
