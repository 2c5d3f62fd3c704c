package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// askForm is the form for access as it was filled in.
type askForm struct {
	Purpose string
	For     string // so many days from now, or "date" for Until
	Until   string // the last day, such as 2026-12-31
	Some    bool   // only Columns
	Columns []string
	Extends int64
	Problem map[string]string // by field
}

// terms are how long one may ask for access without choosing a day.
var terms = []string{"30", "90", "180"}

// terms are those of the page's form that end at least a day later than what the form extends.
func (p *accessPage) terms(now time.Time) []string {
	later := p.earliest(now).AddDate(0, 0, 1)
	return slices.DeleteFunc(slices.Clone(terms), func(days string) bool { return termEnd(days, now).Before(later) })
}

// earliest is when what is asked for may end first.
func (p *accessPage) earliest(now time.Time) time.Time {
	if g := p.extended(p.Form.Extends); g != nil {
		return g.Until
	}
	return now
}

// termEnd is when a term ends that begins now.
func termEnd(days string, now time.Time) time.Time {
	n, _ := strconv.Atoi(days) // of terms, so a number
	return now.AddDate(0, 0, n)
}

func termText(days string, now time.Time) string {
	return days + " days, until " + day(termEnd(days, now))
}

// extendURL is the form that asks for more time on a grant.
func extendURL(g *access.Grant) string {
	return datasetURL(keyOfGrant(g), "access") + "?extend=" + strconv.FormatInt(g.ID, 10) + "#ask"
}

func newAskForm(form url.Values) askForm {
	f := askForm{
		Purpose: strings.TrimSpace(form.Get("purpose")), For: form.Get("for"), Until: form.Get("until"), Some: form.Get("which") == "some",
		Columns: form["column"], Problem: map[string]string{},
	}
	f.Extends, _ = strconv.ParseInt(form.Get("extends"), 10, 64)
	return f
}

// ask returns what the form asks for. columns are those there are.
func (f *askForm) ask(now time.Time, columns []catalog.WholeColumn) (a access.Ask, err error) {
	a = access.Ask{Purpose: f.Purpose, Extends: f.Extends}
	if f.Some {
		if a.Columns, err = chosenColumns(f.Columns, columns); err != nil {
			return a, err
		}
	}
	if slices.Contains(terms, f.For) {
		a.Until = termEnd(f.For, now)
		return a, nil
	}
	a.Until, err = lastDay(f.Until)
	return a, err
}

// chosenColumns returns the columns that were chosen, which must be some of those there are.
func chosenColumns(names []string, columns []catalog.WholeColumn) ([]string, error) {
	chosen := []string{}
	for _, name := range names {
		if !slices.ContainsFunc(columns, func(c catalog.WholeColumn) bool { return c.Leaf() == name }) {
			return nil, fault.Invalidf("columns", "there is no column %s", cut(name, 80))
		}
		if !slices.Contains(chosen, name) {
			chosen = append(chosen, name)
		}
	}
	return chosen, nil
}

// lastDay returns the last second of a day, UTC, such as 2026-12-31.
func lastDay(text string) (time.Time, error) {
	at, err := time.Parse(time.DateOnly, strings.TrimSpace(text))
	if err != nil || at.Year() > 9000 {
		return at, fault.Invalidf("until", "choose a day, such as 2026-12-31")
	}
	return at.Add(24*time.Hour - time.Second), nil
}

// latestDay is the last day that can be asked for.
func latestDay(now time.Time) string {
	return now.UTC().Add(access.GrantMax).AddDate(0, 0, -1).Format(time.DateOnly)
}
