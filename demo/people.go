package demo

import (
	"context"
	"fmt"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// The teams, domains and terms of the demo. They are made up, as its people are.
var (
	teams = []access.Team{
		{Slug: "data-platform", Name: "Data platform", Contact: "#data-platform", Description: "Made up for the demo. Runs the lake and this portal."},
		{Slug: "flight-ops", Name: "Flight operations", Contact: "#flight-ops-data", Description: "Made up for the demo. Owns what happens to flights."},
		{Slug: "network-planning", Name: "Network planning", Contact: "#network-planning", Description: "Made up for the demo. Owns routes, carriers and airports."},
		{Slug: "weather-desk", Name: "Weather desk", Contact: "#weather-desk", Description: "Made up for the demo. Owns observations and what is derived from them."},
	}
	domains = []access.Domain{
		{Slug: "operations", Name: "Operations", Description: "Made up for the demo. Flights as they happen."},
		{Slug: "partners", Name: "Partners", Description: "Made up for the demo. What airlines that fly for others are measured by."},
		{Slug: "reference", Name: "Reference", Description: "Made up for the demo. Airports, airlines and aircraft: what other data names."},
		{Slug: "weather", Name: "Weather", Description: "Made up for the demo. Observations, and what they do to flights."},
	}
	terms = []catalog.Term{
		{Slug: "delay", Name: "Delay", Definition: "Minutes between the scheduled and the actual time, below zero when it was early.\n\n*Departure delay* is taken at the gate where a flight leaves, *arrival delay* where it ends."},
		{Slug: "on-time", Name: "On time", Definition: "A flight that arrives less than 15 minutes after its scheduled time. A cancelled flight is not on time."},
		{Slug: "route", Name: "Route", Definition: "A pair of airports in the direction in which it is flown, whoever flies it."},
	}
)

// People adds the demo's teams, domains and terms, each once: what a visitor changed stays. The demo's people must be there.
func People(ctx context.Context, people *access.Store, store *catalog.Store) error {
	who, err := people.Principal(ctx, access.LocalIssuer, "admin")
	if err != nil {
		return err
	}
	act := access.Act{Who: who, Via: "command line", Reason: "the demo begins"}
	for _, t := range teams {
		_, err := people.Team(ctx, t.Slug)
		if err := unlessThere(err, func() error { return people.AddTeam(ctx, act, t) }); err != nil {
			return fmt.Errorf("team %s: %w", t.Slug, err)
		}
	}
	for _, d := range domains {
		_, err := people.Domain(ctx, d.Slug)
		if err := unlessThere(err, func() error {
			if err := people.AddDomain(ctx, act, d); err != nil {
				return err
			}
			return people.AddSteward(ctx, act, d.Slug, who.ID)
		}); err != nil {
			return fmt.Errorf("domain %s: %w", d.Slug, err)
		}
	}
	for _, t := range terms {
		_, err := store.Term(ctx, t.Slug)
		if err := unlessThere(err, func() error { return store.AddTerm(ctx, act, t) }); err != nil {
			return fmt.Errorf("term %s: %w", t.Slug, err)
		}
	}
	return nil
}

// unlessThere adds what looking for it did not find.
func unlessThere(looked error, add func() error) error {
	if fault.KindOf(looked) == fault.NotFound && looked != nil {
		return add()
	}
	return looked
}
