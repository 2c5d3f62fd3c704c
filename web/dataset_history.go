package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/web/ui"
)

const (
	versionsShown  = 20
	diffLinesShown = 200 // of one version
)

// historyPage is how a dataset's shape and data came to be.
type historyPage struct {
	Versions []catalog.Version
	Before   int // 0: from the newest
	More     bool
	Figures  figures
}

func (s *Server) getDatasetHistory(c echo.Context) error {
	h, err := s.datasetHead(c, "history")
	if h == nil {
		return err
	}
	var p historyPage
	if n, err := strconv.Atoi(c.QueryParam("before")); err == nil {
		p.Before = max(n, 0)
	}
	if p.Versions, err = s.Catalog.WholeVersions(c.Request().Context(), &h.Whole, p.Before, versionsShown+1); err != nil {
		return err
	}
	if p.More = len(p.Versions) > versionsShown; p.More {
		p.Versions = p.Versions[:versionsShown]
	}
	if p.Figures, err = s.figures(c.Request().Context(), h); err != nil {
		return err
	}
	if h.OwnerNames, err = s.ownerNames(c.Request().Context(), append(p.owners(), h.Owners...)); err != nil {
		return err
	}
	if err := s.link(c.Request().Context(), h, h.lead(), h.Deprecated); err != nil {
		return err
	}
	return render(c, http.StatusOK, datasetHistoryView(s.datasetShell(c, h), h, p))
}

// owners returns the ids of the people who became owners or ceased to be.
func (p historyPage) owners() []int64 {
	f := editForm{Values: url.Values{}}
	for _, v := range p.Versions {
		for _, c := range v.Changes {
			if c.Kind == catalog.AttributeEdited && c.Field == catalog.FieldOwners {
				f.Values[c.Field] = append(f.Values[c.Field], listed(c.Old+","+c.New)...)
			}
		}
	}
	return f.owners()
}

// Sentence answers how the dataset has changed.
func (p historyPage) Sentence(h *datasetHead) string {
	if len(p.Versions) == 0 {
		return "No history is known."
	}
	text := "These are its older versions"
	if i := slices.IndexFunc(p.Versions, func(v catalog.Version) bool { return v.Shape > 0 }); p.Before == 0 && i >= 0 {
		text = "Version " + strconv.Itoa(p.Versions[i].Shape) + " is current, since " + day(p.Versions[i].At)
	}
	if h.unwritten() {
		return text + ". " + noData + "."
	}
	if len(h.Snapshots) > 0 {
		text += "; its data last changed " + ago(h.Snapshots[0].At, h.Now)
	}
	return text + "."
}

func (p historyPage) pager(h *datasetHead) ui.Pager {
	last := p.Versions[len(p.Versions)-1].Number
	pager := ui.Pager{Summary: plural(len(p.Versions), "entry", "entries")}
	u := datasetURL(h.Key(), "history")
	if p.Before > 0 {
		pager.Previous = u
	}
	if p.More {
		pager.Next = u + "?before=" + strconv.Itoa(last)
	}
	return pager
}

// byDataset splits the changes of a version by whose they are, those of the page's own dataset first.
func byDataset(h *datasetHead, changes []catalog.Change) [][]catalog.Change {
	var groups [][]catalog.Change
	for _, c := range changes {
		i := slices.IndexFunc(groups, func(g []catalog.Change) bool { return g[0].Of == c.Of })
		if i < 0 {
			groups, i = append(groups, nil), len(groups)
		}
		groups[i] = append(groups[i], c)
	}
	slices.SortStableFunc(groups, func(a, b []catalog.Change) int { return ownRank(h, a) - ownRank(h, b) })
	return groups
}

func ownRank(h *datasetHead, group []catalog.Change) int {
	if h.owns(group[0]) {
		return 0
	}
	return 1
}

// owns reports whether a change is of the page's own dataset and not of another that is the same thing.
func (h *datasetHead) owns(c catalog.Change) bool { return c.Of == h.Key() || c.Of == catalog.Key{} }

// diffLines writes the changes of one version as what went and what came.
func diffLines(changes []catalog.Change) []ui.DiffLine {
	var lines []ui.DiffLine
	del := func(parts ...string) { lines = append(lines, ui.DiffLine{Sign: "−", Text: joinShort(parts)}) }
	add := func(parts ...string) { lines = append(lines, ui.DiffLine{Sign: "+", Text: joinShort(parts)}) }
	for i, c := range changes {
		if i == diffLinesShown {
			lines = append(lines, ui.DiffLine{Sign: "@", Text: "and " + plural(len(changes)-i, "change", "changes") + " more"})
			break
		}
		switch c.Kind {
		case catalog.Created:
			lines = append(lines, ui.DiffLine{Sign: "@", Text: "first seen"})
		case catalog.Gone:
			lines = append(lines, ui.DiffLine{Sign: "@", Text: "gone from its source"})
		case catalog.Back:
			lines = append(lines, ui.DiffLine{Sign: "@", Text: "back in its source"})
		case catalog.ColumnAdded:
			add("column", c.Field, c.New)
		case catalog.ColumnRemoved:
			del("column", c.Field, c.Old)
		case catalog.ColumnRenamed, catalog.Renamed:
			del(subject(c.Kind), c.Old)
			add(subject(c.Kind), c.New)
		case catalog.ColumnRetyped, catalog.ColumnNullable, catalog.ColumnComment, catalog.ColumnMoved, catalog.AttributeEdited:
			del(subject(c.Kind), c.Field, detail(c.Kind), c.Old)
			add(subject(c.Kind), c.Field, detail(c.Kind), c.New)
		}
	}
	return lines
}

// shownWith is the attribute whose change says that a dataset was found to be the same thing as another.
const shownWith = "shown with"

// hasDiff reports whether there is more to show than the summary says.
func hasDiff(changes []catalog.Change) bool {
	return slices.ContainsFunc(changes, func(c catalog.Change) bool {
		return c.Kind != catalog.Created && c.Kind != catalog.Gone && c.Kind != catalog.Back && c.Field != shownWith
	})
}

// subject is what a changed line is about, where its field does not say it.
func subject(k catalog.ChangeKind) string {
	if k == catalog.AttributeEdited {
		return ""
	}
	if k == catalog.Renamed {
		return "name"
	}
	return "column"
}

// detail is what of a column changed, where its value does not say it.
func detail(k catalog.ChangeKind) string {
	if k == catalog.ColumnComment {
		return "comment"
	}
	if k == catalog.ColumnMoved {
		return "position"
	}
	return ""
}

// joinShort joins what is not empty, each cut to what a line can hold.
func joinShort(parts []string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, cut(p, 400))
		}
	}
	return strings.Join(kept, " ")
}

// changeSummary says in a line what a version changed: "2 columns added: a, b; description changed".
func changeSummary(changes []catalog.Change) string {
	type group struct {
		what   string
		fields []string
	}
	var groups []group
	for _, c := range changes {
		what := changeVerb(c)
		i := 0
		for i < len(groups) && groups[i].what != what {
			i++
		}
		if i == len(groups) {
			groups = append(groups, group{what: what})
		}
		groups[i].fields = append(groups[i].fields, cut(c.Field, 40))
	}
	var texts []string
	for _, g := range groups {
		texts = append(texts, groupText(g.what, g.fields))
	}
	return cut(strings.Join(texts, "; "), 300)
}

func groupText(what string, fields []string) string {
	if !strings.HasPrefix(what, "column") {
		return what
	}
	const named = 4
	verb := strings.TrimPrefix(what, "column ")
	text := plural(len(fields), "column", "columns") + " " + verb
	if verb == "description changed" {
		text = plural(len(fields), "column description", "column descriptions") + " changed"
	}
	text += ": " + strings.Join(fields[:min(named, len(fields))], ", ")
	if len(fields) > named {
		text += " …"
	}
	return text
}

// changeVerb says what happened; what begins with "column" can be counted.
func changeVerb(c catalog.Change) string {
	switch c.Kind {
	case catalog.Created:
		return "first seen"
	case catalog.ColumnAdded:
		return "column added"
	case catalog.ColumnRemoved:
		return "column removed"
	case catalog.ColumnRenamed:
		return "column renamed"
	case catalog.ColumnRetyped:
		return "column retyped"
	case catalog.ColumnNullable:
		return "column made " + c.New
	case catalog.ColumnComment:
		return "column description changed"
	case catalog.ColumnMoved:
		return "column moved"
	case catalog.AttributeEdited:
		if c.Field == shownWith && c.New == "" {
			return "no longer the same thing as " + cut(c.Old, 120)
		}
		if c.Field == shownWith {
			return "found to be the same thing as " + cut(c.New, 120)
		}
		return fieldLabel(c.Field) + " changed"
	case catalog.Renamed:
		return "renamed from " + cut(c.Old, 80)
	case catalog.Gone:
		return "gone from its source"
	case catalog.Back:
		return "back in its source"
	}
	return string(c.Kind)
}

// editsAmong splits changes in those that were made here and those that a crawl found.
func editsAmong(changes []catalog.Change) (edits, seen []catalog.Change) {
	for _, c := range changes {
		if c.EditID != 0 && len(edits) < diffLinesShown {
			edits = append(edits, c)
		} else {
			seen = append(seen, c)
		}
	}
	return edits, seen
}

// changedField is what an edit changed.
func changedField(c catalog.Change) string {
	if c.Kind == catalog.ColumnComment {
		return "column " + cut(c.Field, 120)
	}
	return fieldLabel(c.Field)
}

// changedText is a value that an edit replaced or made, as people read it: owners by their names.
func (h *datasetHead) changedText(c catalog.Change, value string) string {
	if c.Field != catalog.FieldOwners || c.Kind != catalog.AttributeEdited {
		return value
	}
	var names []string
	for _, id := range listed(value) {
		names = append(names, h.ownerName(id))
	}
	return strings.Join(names, ", ")
}

// viaText says by what an edit was made, where it was not on a page.
func viaText(via string) string {
	if via == "page" || via == "" {
		return ""
	}
	return ", through the " + via
}

// shortID is the end of a snapshot's id, which tells it from others: the beginning of an id may be a time.
func shortID(id string) string {
	if r := []rune(id); len(r) > 10 {
		return "…" + string(r[len(r)-7:])
	}
	return id
}
