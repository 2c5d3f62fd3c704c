package web

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// registerRoutes returns the routes of registering datasets that no crawler sees.
func (s *Server) registerRoutes() []route {
	owner := needs(access.Owner)
	return []route{
		{http.MethodGet, "/register", owner, s.getRegister},
		{http.MethodPost, "/register", owner, s.postRegister},
		{http.MethodGet, "/register/:name", owner, s.getRegistered},
		{http.MethodPost, "/register/:name", owner, s.postRegistered},
	}
}

// registerPage is the form as it was filled in, and what is wrong with it.
type registerPage struct {
	Values   url.Values
	Field    string // at fault, or ""
	Problem  string
	Taken    string // address of the dataset that has the name already, or ""
	Near     []catalog.Dataset
	Teams    []string // that may own it
	Others   []string // teams that only admins may choose
	Columns  []catalog.Column
	ReadAs   string // what the columns were taken for, or ""
	FromFile string // name of the file that they come from, or ""
}

func (p registerPage) value(name string) string { return p.Values.Get(name) }

// bad returns what is wrong with a field, or "".
func (p registerPage) bad(field string) string {
	if p.Field == field {
		return sentence(p.Problem)
	}
	return ""
}

// freshChoices are how often new data comes, in words and with the seconds that may lie between.
var freshChoices = []struct{ text, seconds string }{
	{"I do not know", ""},
	{"Every hour", "7200"},
	{"Every day", "129600"},
	{"Every week", "691200"},
	{"Every month", "2764800"},
	{"Every quarter", "8380800"},
}

// kindChoices are what people can register, in words.
var kindChoices = []struct {
	kind       catalog.Kind
	text, hint string
}{
	{catalog.File, "Spreadsheet or file", "An Excel sheet, a CSV on a share"},
	{catalog.API, "API", "An address that answers with data"},
	{catalog.Table, "Table", "In a database that is not crawled"},
	{catalog.View, "View", "A query with a name"},
	{catalog.Topic, "Topic or feed", "Events that a partner sends"},
	{catalog.Dashboard, "Dashboard", "Charts that people look at"},
}

func (s *Server) registerForm(c echo.Context, values url.Values) (registerPage, error) {
	p := registerPage{Values: values, Teams: principal(c).Teams}
	if !principal(c).Role.Includes(access.Admin) {
		return p, nil
	}
	teams, _, err := s.Access.Teams(c.Request().Context(), "", 0, 500)
	for _, t := range teams {
		if !slices.Contains(p.Teams, t.Slug) {
			p.Others = append(p.Others, t.Slug)
		}
	}
	return p, err
}

func (s *Server) getRegister(c echo.Context) error {
	values := url.Values{"kind": {string(catalog.File)}, "access": {catalog.Open}, "owner": {meOwner}, "name": {c.QueryParam("name")}}
	if teams := principal(c).Teams; len(teams) > 0 {
		values.Set("owner", teams[0])
	}
	p, err := s.registerForm(c, values)
	if err != nil {
		return err
	}
	return s.showRegister(c, http.StatusOK, p)
}

func (s *Server) showRegister(c echo.Context, status int, p registerPage) error {
	sh := s.shell(c, sectionData, "Register a dataset", crumb{"Data", "/data"}, crumb{Text: "Register"})
	return render(c, status, registerView(sh, p))
}

// meOwner is the choice of oneself as owner; no team has such a slug.
const meOwner = "@me"

func (s *Server) postRegister(c echo.Context) error {
	u, err := uploaded(c)
	if err != nil {
		return err
	}
	p, err := s.registerForm(c, u.values)
	if err != nil {
		return err
	}
	if err := p.readColumns(u); err != nil {
		return s.registerRefused(c, p, err)
	}
	if p.FromFile != "" || p.value("do") == "look" {
		return s.showRegister(c, http.StatusOK, p)
	}
	if p.Near, err = s.alike(c.Request().Context(), &p); err != nil {
		return err
	}
	if len(p.Near) > 0 && p.value("alike") != p.value("name") {
		return s.showRegister(c, http.StatusUnprocessableEntity, p)
	}
	r := p.registration(principal(c))
	key, err := s.Catalog.Register(c.Request().Context(), s.act(c, ""), r)
	if err != nil {
		return s.registerRefused(c, p, err)
	}
	return c.Redirect(http.StatusSeeOther, datasetURL(key, "")+"?"+formQuery(justRegistered, "yes"))
}

// justRegistered is the query field of a dataset's page by which it says that it was registered right now.
const justRegistered = "registered"

// readColumns reads the columns of the form; those of a file take their place, to be looked at before they are registered.
func (p *registerPage) readColumns(u upload) (err error) {
	text := p.value("columns")
	if u.file != nil {
		if text, err = sampleText(u.file); err != nil {
			return err
		}
	}
	p.Columns, p.ReadAs, err = catalog.ReadColumns(text)
	switch {
	case u.file == nil:
		return err
	case fault.KindOf(err) == fault.Invalid && err != nil:
		return fault.Invalidf("file", "in %s: %s", u.name, fault.Message(err))
	case err != nil:
		return err
	case len(p.Columns) == 0:
		return fault.Invalidf("file", "the file %s is empty", u.name)
	}
	p.FromFile = u.name
	p.Values.Set("columns", catalog.ColumnsText(p.Columns))
	return nil
}

// maxSampleText is how much of a sample file is looked at.
const maxSampleText = 256 << 10

// sampleText is the beginning of a sample file, up to the end of a line.
func sampleText(file []byte) (string, error) {
	switch {
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return "", fault.Invalidf("file", "this is a workbook: save one sheet of it as CSV UTF-8, or paste its first lines")
	case bytes.HasPrefix(file, []byte("PAR1")):
		return "", fault.Invalidf("file", "Parquet files are not read here: paste the columns as lines of name and type")
	}
	if len(file) > maxSampleText {
		file = file[:maxSampleText]
		if end := bytes.LastIndexByte(file, '\n'); end > 0 && file[0] != '{' && file[0] != '[' {
			file = file[:end]
		}
		for len(file) > 0 && !utf8.Valid(file) && len(file) > maxSampleText-utf8.UTFMax { // a character was cut in two
			file = file[:len(file)-1]
		}
	}
	if !isText(string(file)) {
		return "", fault.Invalidf("file", "this is no UTF-8 text: CSV, JSON and lines of JSON are read; save a spreadsheet as CSV UTF-8")
	}
	return string(file), nil
}

// alike returns live datasets whose names are like the one to be registered.
func (s *Server) alike(ctx context.Context, p *registerPage) ([]catalog.Dataset, error) {
	name := strings.TrimSpace(p.value("name"))
	if name == "" {
		return nil, nil
	}
	near, err := s.Catalog.Near(ctx, catalog.Key{Source: catalog.Registered, Name: name}, 5)
	return slices.DeleteFunc(near, func(d catalog.Dataset) bool { return strings.EqualFold(d.Name, name) && d.Source == catalog.Registered }), err
}

// registration is what the form says.
func (p *registerPage) registration(who access.Principal) catalog.Registration {
	r := catalog.Registration{
		Name: strings.TrimSpace(p.value("name")), Kind: catalog.Kind(p.value("kind")), Location: strings.TrimSpace(p.value("location")), Columns: p.Columns,
	}
	for _, field := range []string{catalog.FieldTitle, catalog.FieldDescription, catalog.FieldFreshWithin, catalog.FieldAccess} {
		if v := strings.TrimSpace(p.value(field)); v != "" {
			r.Edits = append(r.Edits, catalog.Edit{Field: field, Value: &v})
		}
	}
	switch owner := p.value("owner"); owner {
	case "":
	case meOwner:
		r.Edits = append(r.Edits, catalog.Edit{Field: catalog.FieldOwners, Add: []string{catalog.FormatID(who.ID)}})
	default:
		r.Edits = append(r.Edits, catalog.Edit{Field: catalog.FieldTeam, Value: &owner})
	}
	return r
}

// registerRefused shows the form again, with what is wrong where it stands. Other errors come back as they are.
func (s *Server) registerRefused(c echo.Context, p registerPage, err error) error {
	f := failureOf(err)
	p.Field, p.Problem = f.field, f.detail
	switch fault.KindOf(err) {
	case fault.Conflict:
		p.Field = "name"
		key := catalog.Key{Source: catalog.Registered, Name: strings.TrimSpace(p.value("name"))}
		if d, e := s.Catalog.Dataset(c.Request().Context(), key); e == nil {
			p.Taken = datasetURL(d.Key(), "")
			if d.GoneAt != nil {
				p.Taken = registeredURL(d.Name)
			}
		}
		return s.showRegister(c, http.StatusConflict, p)
	case fault.Invalid:
		if p.Field == catalog.FieldTeam || p.Field == catalog.FieldOwners {
			p.Field = "owner"
		}
		return s.showRegister(c, http.StatusUnprocessableEntity, p)
	case fault.Internal, fault.Forbidden, fault.NotFound, fault.Unavailable:
	}
	return err
}

// registeredPage is where the columns and the name of a registered dataset are changed.
type registeredPage struct {
	Dataset catalog.Dataset
	Text    string // of its columns
	Base    int64
	Name    string
	Field   string
	Problem string
	Theirs  string // what somebody else made of the columns in the meantime
	By      string
	Columns []catalog.Column // that the text was read as
	Looked  bool
}

func registeredURL(name string) string { return "/register/" + url.PathEscape(name) }

func (p registeredPage) bad(field string) string {
	if p.Field == field {
		return sentence(p.Problem)
	}
	return ""
}

// registered returns the page of a registered dataset, which its owners may open.
func (s *Server) registered(c echo.Context) (registeredPage, error) {
	ctx := c.Request().Context()
	d, err := s.dataset(ctx, DatasetPath{catalog.Registered, c.Param("name")})
	if err != nil {
		return registeredPage{}, err
	}
	if who := principal(c); !who.Owns(d.Subject()) {
		return registeredPage{}, fault.Forbiddenf("%s is not yours to change: its owners, stewards of its domain and admins may", d.Key())
	}
	columns, err := s.Catalog.Columns(ctx, d.ID)
	if err != nil {
		return registeredPage{}, err
	}
	p := registeredPage{Dataset: d, Name: d.Name, Text: catalog.ColumnsText(columns)}
	p.Base, err = s.Catalog.ColumnsBase(ctx, d.ID)
	return p, err
}

func (s *Server) getRegistered(c echo.Context) error {
	p, err := s.registered(c)
	if err != nil {
		return err
	}
	return s.showRegistered(c, http.StatusOK, p)
}

func (s *Server) showRegistered(c echo.Context, status int, p registeredPage) error {
	key := p.Dataset.Key()
	sh := s.shell(c, sectionData, "Edit columns · "+key.String(), crumb{"Data", "/data"}, crumb{key.String(), datasetURL(key, "")}, crumb{Text: "Columns and name"})
	return render(c, status, registeredView(sh, p))
}
