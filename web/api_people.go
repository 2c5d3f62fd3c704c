package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"portreeve/access"
	"portreeve/catalog"
)

// teamAnswer is a team.
type teamAnswer struct {
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	Description string `json:"description" doc:"Markdown."`
	Contact     string `json:"contact" doc:"Where to ask; empty when nobody said."`
	DeclaredIn  string `json:"declared_in" doc:"file:line of the estate; empty when it was added in the portal."`
	Gone        bool   `json:"gone" doc:"It is no team any more: what it owned is an ownership gap."`
	Members     int    `json:"members"`
	Datasets    int    `json:"datasets"`
	Unreadable  int    `json:"unreadable" doc:"Datasets that could not be read at the last crawl."`
	Late        int    `json:"late" doc:"Datasets whose new data was to come by now."`
}

// teamDetail is a team with who is in it.
type teamDetail struct {
	teamAnswer
	People []memberAnswer `json:"people" doc:"At most 500."`
}

type memberAnswer struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Role     string `json:"role"`
	Kind     string `json:"kind" enum:"person,service"`
	Disabled bool   `json:"disabled"`
	ByRule   bool   `json:"by_rule" doc:"By a group of the provider."`
}

// personAnswer is a person as colleagues may see them.
type personAnswer struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Email    string   `json:"email" doc:"Empty unless the caller has the role owner or one above it."`
	Role     string   `json:"role"`
	Kind     string   `json:"kind" enum:"person,service"`
	Teams    []string `json:"teams"`
	Disabled bool     `json:"disabled"`
}

// gapAnswer is a dataset that nobody answers for.
type gapAnswer struct {
	Source    string           `json:"source"`
	Name      string           `json:"name"`
	Gap       string           `json:"gap" enum:"none,left,team" doc:"None: it has neither team nor owner; left: its owners left; team: its team is none here."`
	Team      string           `json:"team"`
	Domain    string           `json:"domain"`
	Certified bool             `json:"certified"`
	Proposals []proposalAnswer `json:"proposals" doc:"The likeliest first."`
}

type proposalAnswer struct {
	Team     string   `json:"team" doc:"Slug; empty when a person is proposed."`
	PersonID string   `json:"person_id" doc:"Empty when a team is proposed."`
	Name     string   `json:"name"`
	Evidence []string `json:"evidence"`
}

// termAnswer is a term of the glossary.
type termAnswer struct {
	Slug       string    `json:"slug"`
	Name       string    `json:"name"`
	Definition string    `json:"definition" doc:"Markdown."`
	Domain     string    `json:"domain" doc:"Empty: of the whole company."`
	ChangedBy  string    `json:"changed_by"`
	ChangedAt  time.Time `json:"changed_at"`
	Datasets   int       `json:"datasets"`
}

// FindPaging is a page of a list that may be narrowed by a text.
type FindPaging struct {
	Paging
	Text string `query:"q" maxLength:"200" doc:"What the name must hold."`
}

type colleagueInput struct {
	FindPaging
	Disabled bool `query:"disabled" doc:"Only those who are disabled, in place of the others."`
}

type gapInput struct {
	Paging
	Kind      string `query:"kind" enum:",none,left,team" doc:"Only this kind of gap."`
	Certified bool   `query:"certified" doc:"Only what is certified all the same."`
	Domain    string `query:"domain" maxLength:"200"`
}

type teamPath struct {
	Slug string `path:"slug" maxLength:"63"`
}

// people adds the operations of teams and people.
func (e *endpoints) people() {
	op := func(id, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Tags: []string{"People"}}
	}
	register(e, op("list-teams", "/teams", "All teams"), readers(), e.getTeamList)
	register(e, op("get-team", "/teams/{slug}", "A team"), readers(), e.getTeamDetail)
	register(e, op("list-people", "/people", "Everyone who has signed in, and services"), readers(), e.getPeopleList)
	register(e, op("list-ownership-gaps", "/ownership", "Datasets that nobody answers for"), scope(access.ScopeRead, access.Owner), e.getGapList)
	register(e, op("list-terms", "/glossary", "The terms of the glossary"), readers(), e.getTermList)
}

// pageFrom is a page of a list of which only the items from where the page begins were read. total is of all items.
func pageFrom[T, O any](items []T, from, total int, show func(T) O) List[O] {
	out := List[O]{Items: make([]O, 0, len(items)), Total: &total}
	for _, item := range items {
		out.Items = append(out.Items, show(item))
	}
	if next := from + len(items); next < total && len(items) > 0 {
		out.NextCursor = cursorAt(next)
	}
	return out
}

func showTeam(t access.Team, f catalog.OwnedFigures) teamAnswer {
	return teamAnswer{t.Slug, t.Name, t.Description, t.Contact, t.DeclaredIn, t.GoneAt != nil, t.Members, f.Datasets, f.Unreadable, f.Late}
}

func (e *endpoints) getTeamList(ctx context.Context, in *FindPaging) (*answer[List[teamAnswer]], error) {
	from, err := in.offset()
	if err != nil {
		return nil, err
	}
	teams, total, err := e.Access.Teams(ctx, in.Text, from, in.Limit)
	if err != nil {
		return nil, err
	}
	slugs := make([]string, len(teams))
	for i := range teams {
		slugs[i] = teams[i].Slug
	}
	figures, err := e.Catalog.TeamFigures(ctx, slugs)
	if err != nil {
		return nil, err
	}
	return reply(pageFrom(teams, from, total, func(t access.Team) teamAnswer { return showTeam(t, figures[t.Slug]) }), nil)
}

func (e *endpoints) getTeamDetail(ctx context.Context, in *teamPath) (*answer[teamDetail], error) {
	t, err := e.Access.Team(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	figures, err := e.Catalog.TeamFigures(ctx, []string{t.Slug})
	if err != nil {
		return nil, err
	}
	members, _, err := e.Access.Members(ctx, t.ID, 0, 500)
	out := teamDetail{showTeam(t, figures[t.Slug]), make([]memberAnswer, 0, len(members))}
	for _, m := range members {
		out.People = append(out.People, memberAnswer{catalog.FormatID(m.ID), m.Name, string(m.Role), m.Kind, m.DisabledAt != nil, m.ByRule})
	}
	return reply(out, err)
}

func (e *endpoints) getPeopleList(ctx context.Context, in *colleagueInput) (*answer[List[personAnswer]], error) {
	from, err := in.offset()
	if err != nil {
		return nil, err
	}
	people, total, err := e.Access.Colleagues(ctx, in.Text, in.Disabled, from, in.Limit)
	if err != nil {
		return nil, err
	}
	mail := mayMail(caller(ctx))
	return reply(pageFrom(people, from, total, func(p access.Colleague) personAnswer {
		shown := personAnswer{catalog.FormatID(p.ID), p.Name, "", string(p.Role), p.Kind, append([]string{}, p.Teams...), p.DisabledAt != nil}
		if mail {
			shown.Email = p.Email
		}
		return shown
	}), nil)
}

func (e *endpoints) getGapList(ctx context.Context, in *gapInput) (*answer[List[gapAnswer]], error) {
	from, err := in.offset()
	if err != nil {
		return nil, err
	}
	f := catalog.GapFilter{Kind: catalog.GapKind(in.Kind), Certified: in.Certified, Domain: in.Domain}
	gaps, _, err := e.Catalog.Gaps(ctx, f, from, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := List[gapAnswer]{Items: []gapAnswer{}}
	for i := range gaps[:min(len(gaps), in.Limit)] {
		out.Items = append(out.Items, showGap(&gaps[i]))
	}
	if len(gaps) > in.Limit {
		out.NextCursor = cursorAt(from + in.Limit)
	}
	return reply(out, nil)
}

func showGap(g *catalog.Gap) gapAnswer {
	shown := gapAnswer{g.Source, g.Name, string(g.Gap), g.Team, g.Domain, g.Certified, []proposalAnswer{}}
	for _, p := range g.Proposals {
		a := proposalAnswer{Team: p.Team, Name: p.Name, Evidence: p.Evidence}
		if p.Person != 0 {
			a.PersonID = catalog.FormatID(p.Person)
		}
		shown.Proposals = append(shown.Proposals, a)
	}
	return shown
}

func (e *endpoints) getTermList(ctx context.Context, in *FindPaging) (*answer[List[termAnswer]], error) {
	from, err := in.offset()
	if err != nil {
		return nil, err
	}
	terms, total, err := e.Catalog.Terms(ctx, in.Text, "", from, in.Limit)
	if err != nil {
		return nil, err
	}
	return reply(pageFrom(terms, from, total, func(t catalog.Term) termAnswer {
		return termAnswer{t.Slug, t.Name, t.Definition, t.Domain, t.Person, t.ChangedAt.UTC(), t.Datasets}
	}), nil)
}
