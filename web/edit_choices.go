package web

import (
	"context"

	"portreeve/access"
	"portreeve/catalog"
)

// choices are what the forms that describe datasets offer for completion.
type choices struct {
	Teams    []access.Team
	Domains  []access.Domain
	People   []access.Colleague // some of those who can be owners
	Terms    []catalog.Term     // some of the glossary
	Tags     []string           // the most used
	Datasets []catalog.Key      // the most used
}

// hintsShown is how many names of teams, people or terms a page offers beside what can be typed.
const hintsShown = 200

func (s *Server) choices(ctx context.Context) (p choices, err error) {
	if p.Teams, _, err = s.Access.Teams(ctx, "", 0, hintsShown); err != nil {
		return p, err
	}
	if p.Domains, _, err = s.Access.Domains(ctx, "", 0, hintsShown); err != nil {
		return p, err
	}
	if p.People, _, err = s.Access.Colleagues(ctx, "", false, 0, hintsShown); err != nil {
		return p, err
	}
	if p.Terms, _, err = s.Catalog.Terms(ctx, "", "", 0, hintsShown); err != nil {
		return p, err
	}
	used, err := s.Catalog.Search(ctx, catalog.SearchQuery{Sort: "used", Limit: hintsShown})
	if err != nil {
		return p, err
	}
	for i := range used.Items {
		p.Datasets = append(p.Datasets, used.Items[i].Key())
	}
	for _, facet := range used.Facets {
		for _, v := range facet.Values {
			if facet.Name == "tag" {
				p.Tags = append(p.Tags, v.Value)
			}
		}
	}
	return p, nil
}
