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
	if days, err := strconv.Atoi(f.For); err == nil && slices.Contains(terms, f.For) {
		a.Until = now.AddDate(0, 0, days)
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
