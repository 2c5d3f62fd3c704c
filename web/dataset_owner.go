package web

import (
	"context"
	"slices"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/web/ui"
)

// headOwner is whether somebody answers for the dataset, by the rule of the ownership gaps.
type headOwner struct {
	Gap      catalog.GapKind // why nobody does, "" where somebody does
	NoTeam   bool            // what it names as its team is none here
	TeamGone bool            // and it was one
	Contact  string          // where to ask its team, or ""
	Takable  bool            // who asks may take it
	Takers   []string        // the teams for which they may
}

// fillOwner finds out who answers for the dataset, whose owners' names are known, and whether who asks may take it.
func (s *Server) fillOwner(ctx context.Context, who *access.Principal, h *datasetHead) error {
	teams, err := s.Access.TeamsNamed(ctx, append([]string{h.Team}, who.Teams...))
	if err != nil {
		return err
	}
	there := func(slug string) bool { t, known := teams[slug]; return known && t.GoneAt == nil }
	h.NoTeam, h.TeamGone, h.Contact = h.Team != "" && !there(h.Team), teams[h.Team].GoneAt != nil, teams[h.Team].Contact
	present := func(p access.Colleague) bool { return p.DisabledAt == nil }
	switch {
	case there(h.Team) || slices.ContainsFunc(h.people(), present):
		return nil
	case h.Team != "":
		h.Gap = catalog.GapTeam
	case len(h.Owners) > 0:
		h.Gap = catalog.GapLeft
	default:
		h.Gap = catalog.GapNone
	}
	if h.Takable = h.Editable; h.Takable {
		h.Takers = slices.DeleteFunc(slices.Clone(who.Teams), func(slug string) bool { return !there(slug) })
	}
	return nil
}

// ownership says who answers for the dataset: a team that there is, or an owner who is still here.
func (h *datasetHead) ownership() ui.Cell {
	cell := ui.Cell{ID: "ev-own", Tone: ui.Warn, Title: "No owner", Text: "nobody to ask"}
	switch {
	case h.Gap == catalog.GapTeam && h.TeamGone:
		cell.Title, cell.Text = "Its team is gone", "nobody to ask in "+cut(h.Team, 40)
	case h.Gap == catalog.GapTeam:
		cell.Title, cell.Text = "Team not known", "by "+cut(h.Team, 40)+", no team here"
	case h.Gap == catalog.GapLeft:
		cell.Title, cell.Text = "Its owner left", cut(h.ownersText(), 40)
	case h.Gap == catalog.GapNone:
	default:
		cell.Tone, cell.Title, cell.Text = ui.Good, "Owned", "by "+cut(h.asked(), 40)
	}
	return cell
}

// asked names whom to ask: the team, or the owners where it is none here.
func (h *datasetHead) asked() string {
	if h.Team == "" || h.NoTeam {
		return h.ownersText()
	}
	return h.Team
}

// unanswered says why nobody answers for the dataset, as a sentence.
func (h *datasetHead) unanswered() string {
	switch h.Gap {
	case catalog.GapTeam:
		if h.TeamGone {
			return "Nobody answers for this dataset: the team " + cut(h.Team, 60) + " is gone."
		}
		return "Nobody answers for this dataset: " + cut(h.Team, 60) + " is no team here."
	case catalog.GapLeft:
		return "Nobody answers for this dataset: " + cut(h.ownersText(), 60) + " left."
	case catalog.GapNone:
	}
	return "Nobody owns this dataset."
}
