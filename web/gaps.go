package web

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

// gapsPage is the work list of what nobody owns.
type gapsPage struct {
	Gaps    []catalog.Gap
	Counts  catalog.GapCounts
	Kind    string // none, left, team or certified; "" is all
	Domain  string
	Owners  map[int64]access.Colleague // of the gaps
	List    listAsked
	Who     access.Principal
	Problem string
	Given   string // the dataset that was just given away
	Many    int    // how many just were, at once
	Ticked  bool   // all are chosen to begin with
}

// gapsCSV is the most rows of a download.
const gapsCSV = 5_000

// gapsAsked reads what of the gaps an address asks for.
func gapsAsked(c echo.Context) (p gapsPage, f catalog.GapFilter) {
	p = gapsPage{List: listAskedOf(c, "kind", "domain"), Who: principal(c)}
	p.Kind, p.Domain = p.List.Keep.Get("kind"), p.List.Keep.Get("domain")
	f.Domain = p.Domain
	switch p.Kind {
	case "certified":
		f.Certified = true
	case string(catalog.GapNone), string(catalog.GapLeft), string(catalog.GapTeam):
		f.Kind = catalog.GapKind(p.Kind)
	default:
		p.Kind = ""
		p.List.Keep.Del("kind")
	}
	return p, f
}

func (s *Server) getOwnership(c echo.Context) error { return s.showOwnership(c, http.StatusOK, "") }

// showOwnership answers with the work list, and why something could not be given away.
func (s *Server) showOwnership(c echo.Context, status int, problem string) error {
	ctx := c.Request().Context()
	p, f := gapsAsked(c)
	p.Problem, p.Given = problem, cut(c.QueryParam("given"), 300)
	p.Many, _ = strconv.Atoi(c.QueryParam("many"))
	p.Ticked = c.QueryParam("tick") == "all"
	var err error
	if p.Gaps, p.Counts, err = s.Catalog.Gaps(ctx, f, p.List.Offset, peoplePageSize); err != nil {
		return err
	}
	var owners []int64
	for i := range p.Gaps {
		owners = append(owners, p.Gaps[i].Owners...)
	}
	if p.Owners, err = s.Access.Names(ctx, owners); err != nil {
		return err
	}
	return render(c, status, gapsView(s.shell(c, sectionTeams, "Ownership gaps", crumb{"Teams", "/teams"}, crumb{Text: "Ownership gaps"}), p))
}

// postOwnership gives a dataset that nobody owns to a team or a person, or the chosen ones each as proposed.
func (s *Server) postOwnership(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	if form.Get("do") == "chosen" {
		return s.giveChosen(c, form["give"])
	}
	key := catalog.Key{Source: form.Get("source"), Name: form.Get("name")}
	err = s.giveAway(c, key, form.Get("team"), form.Get("person"))
	if err == nil {
		p, _ := gapsAsked(c)
		return c.Redirect(http.StatusSeeOther, p.List.with("given", key.String()))
	}
	m, err := mistakeIn(err)
	if err != nil {
		return err
	}
	return s.showOwnership(c, http.StatusUnprocessableEntity, m.Text)
}

// giveChosen gives away each of the chosen datasets as what its tick box says: see chosen.
func (s *Server) giveChosen(c echo.Context, all []string) error {
	switch {
	case len(all) == 0:
		return s.showOwnership(c, http.StatusUnprocessableEntity, "Nothing was chosen: tick the datasets first.")
	case len(all) > peoplePageSize:
		return s.showOwnership(c, http.StatusUnprocessableEntity, "These are too many: at most "+strconv.Itoa(peoplePageSize)+" are given away at once.")
	}
	given, refused := 0, []string(nil)
	for _, one := range all {
		who, rest, _ := strings.Cut(one, "/")
		source, name, _ := strings.Cut(rest, "/")
		key, team := catalog.Key{Source: source, Name: name}, who
		person, is := strings.CutPrefix(who, "#")
		if is {
			team = ""
		}
		err := s.giveAway(c, key, team, person)
		switch {
		case err == nil:
			given++
		case fault.KindOf(err) == fault.Internal:
			return err
		default:
			refused = append(refused, cut(key.String(), 100)+" ("+cut(fault.Message(err), 200)+")")
		}
	}
	if len(refused) == 0 {
		p, _ := gapsAsked(c)
		return c.Redirect(http.StatusSeeOther, p.List.with("many", strconv.Itoa(given)))
	}
	problem := plural(given, "dataset has", "datasets have") + " an owner now. " + number(int64(len(refused))) + " could not be given away: " + strings.Join(refused, "; ") + "."
	return s.showOwnership(c, http.StatusUnprocessableEntity, problem)
}

// chosen is the value of a tick box: the team, or # and the person, to whom the gap is given, and the dataset, slashes between.
func chosen(g *catalog.Gap) string {
	who := g.Proposals[0].Team
	if who == "" {
		who = "#" + catalog.FormatID(g.Proposals[0].Person)
	}
	return who + "/" + g.Key().String()
}

// choosable reports whether who asks may give the gap to whom is proposed first.
func (p gapsPage) choosable(g *catalog.Gap) bool {
	return len(g.Proposals) > 0 && mayGive(&p.Who, g, g.Proposals[0].Team)
}

// anyChoosable reports whether one of the gaps shown can be given away as proposed.
func (p gapsPage) anyChoosable() bool {
	return slices.ContainsFunc(p.Gaps, func(g catalog.Gap) bool { return p.choosable(&g) })
}

// giveAway makes a team, or else a person, answer for a dataset that nobody answers for.
func (s *Server) giveAway(c echo.Context, key catalog.Key, team, person string) error {
	ctx := c.Request().Context()
	d, err := s.Catalog.Dataset(ctx, key)
	if err != nil {
		return err
	}
	gap, open, err := s.Catalog.Gap(ctx, d.ID)
	switch {
	case err != nil:
		return err
	case !open:
		return fault.Conflictf("%s has an owner in the meantime", key)
	}
	who := principal(c)
	if !mayGive(&who, &gap, team) {
		return fault.Forbiddenf("%s is for a steward of its domain or an admin to give away; owners may take what has neither team nor owner for their own team", key)
	}
	newest, err := s.Catalog.NewestEdits(ctx, d.ID)
	if err != nil {
		return err
	}
	base := func(field string) *int64 { id := newest[field]; return &id }
	edit := catalog.Edit{Field: "team", Value: &team, Base: base("team")}
	if team == "" {
		id, err := strconv.ParseInt(person, 10, 64)
		if err != nil {
			return fault.Invalidf("person", "name a team or a person to give it to")
		}
		value := `["` + strconv.FormatInt(id, 10) + `"]`
		edit = catalog.Edit{Field: "owners", Value: &value, Base: base("owners")}
	}
	return s.Catalog.Edit(ctx, s.act(c, "ownership gap"), key, edit)
}

// mayGive reports whether who may close a gap by giving the dataset to the team, or to a person where team is "".
func mayGive(who *access.Principal, g *catalog.Gap, team string) bool {
	if who.Role == access.Admin || who.Role.Includes(access.Steward) && who.StewardOf(g.Domain) {
		return true
	}
	return who.Role.Includes(access.Owner) && g.Gap == catalog.GapNone && who.In(team)
}

// kinds lead to each kind of gap.
func (p gapsPage) kinds() []ui.Link {
	link := func(text, kind string, n int) ui.Link {
		return ui.Link{Text: text, URL: p.List.with("kind", kind), Count: number(int64(n)), Current: p.Kind == kind}
	}
	return []ui.Link{
		link("All", "", p.Counts.All), link("No owner", "none", p.Counts.None), link("Owner left", "left", p.Counts.Left),
		link("Team gone", "team", p.Counts.Team), link("Certified all the same", "certified", p.Counts.Certified),
	}
}

func (p gapsPage) found() int {
	switch p.Kind {
	case "none":
		return p.Counts.None
	case "left":
		return p.Counts.Left
	case "team":
		return p.Counts.Team
	case "certified":
		return p.Counts.Certified
	}
	return p.Counts.All
}

// action is where a proposal is accepted: the list stays as it is.
func (p gapsPage) action() string { return p.List.at(p.List.Offset) }

// tick is the address of this part of the list with all boxes ticked, or with none.
func (p gapsPage) tick() string {
	if p.Ticked {
		return p.action()
	}
	values := url.Values{"tick": {"all"}}
	maps.Copy(values, p.List.Keep)
	return listAsked{Path: p.List.Path, Text: p.List.Text, Keep: values}.at(p.List.Offset)
}

// csv is the address of the download.
func (p gapsPage) csv() string {
	return strings.Replace(listAsked{Path: "/ownership.csv", Keep: p.List.Keep}.at(0), "/ownership?", "/ownership.csv?", 1)
}

// why says what the gap is.
func (p gapsPage) why(g *catalog.Gap) string {
	switch g.Gap {
	case catalog.GapTeam:
		return "Its team " + g.Team + " is no team here"
	case catalog.GapLeft:
		names := make([]string, 0, len(g.Owners))
		for _, id := range g.Owners {
			if who, known := p.Owners[id]; known {
				names = append(names, who.Name)
			}
		}
		if len(names) > 0 {
			return strings.Join(names, ", ") + " left"
		}
		return "Its owner left"
	case catalog.GapNone:
	}
	return "It has neither team nor owner"
}

func (s *Server) getOwnershipCSV(c echo.Context) error {
	p, f := gapsAsked(c)
	ctx := c.Request().Context()
	w := csvDownload(c, "ownership-gaps.csv")
	err := w.Write([]string{"source", "name", "gap", "team", "domain", "certified", "reads_30_days", "proposal", "evidence"})
	for from := 0; err == nil && from < gapsCSV; from += 500 {
		gaps, _, listErr := s.Catalog.Gaps(ctx, f, from, 500)
		if listErr != nil {
			return listErr
		}
		for row := range slices.Values(gaps) {
			if err = w.Write(guardFormulas(gapRow(&p, &row))); err != nil {
				return err
			}
		}
		if len(gaps) < 500 {
			break
		}
	}
	w.Flush()
	return err
}

func gapRow(p *gapsPage, g *catalog.Gap) []string {
	row := []string{g.Source, g.Name, string(g.Gap), g.Team, g.Domain, strconv.FormatBool(g.Certified), strconv.Itoa(int(g.Usage)), "", p.why(g)}
	if len(g.Proposals) > 0 {
		best := &g.Proposals[0]
		row[7], row[8] = best.Name, best.Said()
		if best.Team != "" {
			row[7] = best.Team
		}
	}
	return row
}
