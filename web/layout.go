package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/access"
)

// The sections of the portal, as the rail marks them.
const (
	sectionHome     = "home"
	sectionData     = "data"
	sectionSources  = "sources"
	sectionTeams    = "teams"
	sectionGlossary = "glossary"
	sectionSQL      = "sql"
	sectionUI       = "ui"
)

// shell is what the layout around a page needs.
type shell struct {
	Title   string // of the browser's tab
	Section string // in the rail, or ""
	Crumbs  []crumb
	Person  access.Person // zero when nobody is signed in
	Demo    bool
	Version string
	Unread  int    // notifications, at most 100
	Path    string // of this page with its query: where a change of preferences or a sign-in comes back to
	SQL     bool   // there is a page for it, and who asks may use it
	Note    string // why the page is another one than the address asked for, or ""
}

// crumb is a step of the way from the section to the page. The last one has no URL: it is the page.
type crumb struct {
	Text string
	URL  string
}

// shell returns the layout of a page for who is asking.
func (s *Server) shell(c echo.Context, section, title string, crumbs ...crumb) shell {
	sh := shell{
		Title: title, Section: section, Crumbs: crumbs,
		Person: principal(c).Person, Demo: s.Demo, Version: s.Version, Unread: s.unread(c),
		Path: "/", SQL: s.SQL != nil && principal(c).Role.Includes(access.Analyst),
	}
	if c.Request().Method == http.MethodGet { // what was posted cannot be asked for again
		sh.Path = c.Request().URL.RequestURI()
	}
	if part := c.QueryParam(noSuchPart); part != "" && c.Path() == datasetRoute {
		sh.Note = "A dataset has no part called " + quote(part) + ". This is its overview."
	}
	return sh
}

func (s shell) signedIn() bool { return s.Person.ID != 0 }

// login is the address of the login page, which leads back to this one.
func (s shell) login() string {
	if s.Path == "/" || strings.HasPrefix(s.Path, "/login") {
		return "/login"
	}
	return "/login?back=" + url.QueryEscape(s.Path)
}

// nextNav is what the rail's button changes it to.
func (s shell) nextNav() string {
	if s.Person.Nav == "icons" {
		return ""
	}
	return "icons"
}

func railButton(s shell) string {
	if s.Person.Nav == "icons" {
		return "Expand"
	}
	return "Collapse"
}
