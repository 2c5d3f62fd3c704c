package estate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/access"
	"portreeve/estate"
	"portreeve/fault"
)

func TestLoadPeople(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"sources.yaml": "sources: {}\n",
		"people.yaml": `teams:
  data-eng:
    name: Data engineering
    contact: "#data-eng"
    description: |
      They keep the lake.
    groups: [data-eng, /company/data]
  ops: {}
domains:
  flights: {name: Flights, stewards: keepers}
groups:
  portal-admins: {role: admin}
`,
	})
	got, err := estate.Load(dir, kinds(), variables)
	if err != nil {
		t.Fatal(err)
	}
	want := access.Declared{
		Teams: []access.Team{
			{Slug: "data-eng", Name: "Data engineering", Contact: "#data-eng", Description: "They keep the lake.", DeclaredIn: "people.yaml:2"},
			{Slug: "ops", Name: "ops", DeclaredIn: "people.yaml:8"},
		},
		Domains: []access.Domain{{Slug: "flights", Name: "Flights", DeclaredIn: "people.yaml:10"}},
		Rules: []access.Rule{
			{Claim: "/company/data", Team: "data-eng", DeclaredIn: "people.yaml:7"},
			{Claim: "data-eng", Team: "data-eng", DeclaredIn: "people.yaml:7"},
			{Claim: "keepers", Domain: "flights", DeclaredIn: "people.yaml:10"},
			{Claim: "portal-admins", Role: access.Admin, DeclaredIn: "people.yaml:12"},
		},
	}
	if diff := cmp.Diff(want, got.People); diff != "" {
		t.Errorf("people (-want +got):\n%s", diff)
	}
}

func TestLoadTellsAllProblemsOfPeople(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"a.yaml": `sources: {}
taems: {}
teams:
  Data Eng: {name: x}
  ops: {nam: x, contact: ""}
  new: {name: x}
  twice: {name: x, groups: {a: b}}
domains:
  flights: {steward: [a]}
  d: text
groups:
  admins: {role: admn}
  none: {}
  odd: {team: ops}
`,
		"b.yaml": "teams: {twice: {name: y}}\ngroups: {admins: {role: admin}}\n",
	})
	_, err := estate.Load(dir, kinds(), variables)
	if fault.KindOf(err) != fault.Invalid {
		t.Fatalf("got %v, want Invalid", err)
	}
	_, rest, _ := strings.Cut(fault.Message(err), "\n")
	rest = strings.ReplaceAll(rest, dir+"/", "")
	want := `  a.yaml:2:1: taems: there is no such key, did you mean teams?
  a.yaml:4:3: teams.Data Eng: a team is named by at most 63 small letters, digits, -, _ and dots, with a letter or a digit first
  a.yaml:5:9: teams.ops.nam: a team has no such key, did you mean name?
  a.yaml:5:26: teams.ops.contact: this is empty: leave it out or give it a value
  a.yaml:6:3: teams.new: a team cannot be called new: that is the page that adds one
  a.yaml:7:28: teams.twice.groups: here belongs a list, not keys with values
  a.yaml:9:13: domains.flights.steward: a domain has no such key, did you mean stewards?
  a.yaml:10:6: domains.d: here belong keys with values, not a text
  a.yaml:12:18: groups.admins.role: there is no such role, did you mean admin?
  a.yaml:13:3: groups.none.role: this is missing: one of viewer, analyst, owner, steward, admin
  a.yaml:14:3: groups.odd.role: this is missing: one of viewer, analyst, owner, steward, admin
  a.yaml:14:9: groups.odd.team: a group has no such key
  b.yaml:1:9: teams.twice: this team is declared twice, first in a.yaml:7
  b.yaml:2:10: groups.admins: this group is declared twice, first in a.yaml:12`
	if diff := cmp.Diff(want, rest); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
