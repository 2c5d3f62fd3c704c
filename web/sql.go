package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/query"
)

// SQL runs people's statements over sources whose rows the portal reads.
type SQL interface {
	// Engine returns what runs the statements of a person over a source, within their rights.
	Engine(who access.Principal, source string) query.Engine
}

const (
	sqlRows    = 1000             // of a result on the page
	sqlPatient = 30 * time.Second // how long a statement may run
	sqlText    = 1000             // characters of a value that are sent to the page
)

func (s *Server) sqlRoutes() []route {
	return []route{
		{http.MethodGet, "/sql", needs(access.Analyst), s.getSQL},
		{http.MethodPost, "/sql", needs(access.Analyst).forReaders(), s.postSQL},
	}
}

// sqlPage is where people write SQL, and what came of it.
type sqlPage struct {
	Sources []string
	Source  string
	Text    string
	Problem *query.Problem
	Failed  string // why the engine did not answer, "" if it did
	Ran     bool
	Sample  catalog.Sample // the first rows
	More    bool           // there are more
	Took    time.Duration
}

func (s *Server) getSQL(c echo.Context) error {
	p, err := s.sqlPage(c.Request().Context(), c.QueryParam("source"))
	if err != nil {
		return err
	}
	p.Text = c.QueryParam("sql")
	return s.showSQL(c, http.StatusOK, p)
}

func (s *Server) sqlPage(ctx context.Context, source string) (p sqlPage, err error) {
	all, err := s.Catalog.Sources(ctx)
	if err != nil || s.SQL == nil {
		return p, err
	}
	for i := range all {
		if src := &all[i]; src.RetiredAt == nil && slices.Contains(rowsRead, src.Kind) && src.Kind != "" {
			p.Sources = append(p.Sources, src.Slug)
		}
	}
	if len(p.Sources) > 0 {
		p.Source = p.Sources[0]
	}
	if slices.Contains(p.Sources, source) {
		p.Source = source
	}
	return p, nil
}

func (s *Server) showSQL(c echo.Context, status int, p sqlPage) error {
	return render(c, status, sqlView(s.shell(c, sectionSQL, "SQL", crumb{Text: "SQL"}), p))
}

// postSQL runs a statement and shows its first rows.
func (s *Server) postSQL(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	p, err := s.sqlPage(ctx, form.Get("source"))
	if err != nil {
		return err
	}
	if p.Source == "" {
		return fault.NotFoundf("there is no source whose rows this portal reads")
	}
	p.Text = strings.ReplaceAll(form.Get("sql"), "\r\n", "\n")
	who := principal(c)
	event := access.Event{Action: "sql.run", Object: "source " + p.Source, Detail: map[string]any{"sql": cut(p.Text, 4000)}}
	if err := s.Access.RecordOnly(ctx, s.act(c, ""), event); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, sqlPatient)
	defer cancel()
	began := s.Now()
	err = p.run(limited, s.SQL.Engine(who, p.Source), catalog.FormatID(who.ID))
	p.Took = s.Now().Sub(began)
	if limited.Err() != nil && ctx.Err() == nil {
		err = &query.Problem{Cause: query.Limit, Message: fmt.Sprintf("it took longer than %d seconds and was stopped: read less, or add a filter", int(sqlPatient.Seconds())), Code: "TIME_LIMIT"}
	}
	problem, ok := errors.AsType[*query.Problem](err)
	f := failureOf(err)
	switch {
	case err == nil:
		return s.showSQL(c, http.StatusOK, p)
	case ok:
		p.Problem = problem
		return s.showSQL(c, http.StatusUnprocessableEntity, p)
	case f.internal:
		return err
	}
	p.Failed = f.detail
	return s.showSQL(c, f.status, p)
}

// run runs the statement and keeps its first rows.
func (p *sqlPage) run(ctx context.Context, e query.Engine, person string) error {
	x, err := e.Start(ctx, query.Statement{SQL: p.Text, Person: person})
	if err != nil {
		return err
	}
	defer func() { _ = x.Cancel(context.WithoutCancel(ctx)) }()
	for {
		u, err := x.Next(ctx)
		if errors.Is(err, io.EOF) {
			p.Ran = true
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.take(u); err != nil {
			return err
		}
		if p.More {
			p.Ran = true
			return nil
		}
	}
}

// take keeps rows of an update, up to sqlRows.
func (p *sqlPage) take(u query.Update) error {
	if len(p.Sample.Columns) == 0 {
		for _, c := range u.Columns {
			p.Sample.Columns = append(p.Sample.Columns, catalog.SampleColumn{Name: c.Name, Type: strings.ToLower(c.Type), Numeric: numericType(c.Type)})
		}
	}
	if u.Rows.Count == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(u.Rows.JSON))
	d.UseNumber()
	var rows [][]any
	if err := d.Decode(&rows); err != nil {
		return err
	}
	for _, row := range rows {
		if len(p.Sample.Rows) == sqlRows {
			p.More = true
			return nil
		}
		cells := make([]*string, len(row))
		for i, v := range row {
			cells[i] = cellOf(v)
		}
		p.Sample.Rows = append(p.Sample.Rows, cells)
	}
	return nil
}

// cellOf is a value as a page shows it; nil is NULL.
func cellOf(v any) *string {
	var text string
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		text = v
	case json.Number:
		text = v.String()
	case bool:
		text = strconv.FormatBool(v)
	default:
		b, _ := json.Marshal(v) // it came from JSON
		text = string(b)
	}
	text = cut(text, sqlText)
	return &text
}

// numericType reports whether values of an engine's type are numbers.
func numericType(kind string) bool {
	base, _, _ := strings.Cut(strings.ToLower(kind), "(")
	return strings.HasSuffix(base, "int") || slices.Contains([]string{"integer", "decimal", "double", "real", "float"}, base)
}

// sentence says what came.
func (p sqlPage) sentence() string {
	text := plural(len(p.Sample.Rows), "row", "rows")
	if p.More {
		text = "The first " + number(int64(len(p.Sample.Rows))) + " rows; there are more"
	}
	return text + ", " + plural(len(p.Sample.Columns), "column", "columns") + ", in " + millis(p.Took)
}

// millis writes how long something took.
func millis(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// place says where a problem is, "" if that is not known.
func (p sqlPage) place() string {
	if p.Problem == nil || p.Problem.Line == 0 {
		return ""
	}
	return fmt.Sprintf("Line %d, character %d", p.Problem.Line, p.Problem.Column)
}

// excerpt is the line of a problem, with a caret below its place.
func (p sqlPage) excerpt() string {
	if p.Problem == nil || p.Problem.Line == 0 || p.Problem.Column == 0 {
		return ""
	}
	lines := strings.Split(p.Text, "\n")
	if p.Problem.Line > len(lines) {
		return ""
	}
	line := []rune(strings.ReplaceAll(lines[p.Problem.Line-1], "\t", " "))
	at := min(p.Problem.Column-1, len(line))
	from := max(0, at-60)
	return string(line[from:min(len(line), at+60)]) + "\n" + strings.Repeat(" ", at-from) + "^"
}

// queryable reports whether who asks may run SQL over the dataset.
func (h *datasetHead) queryable() bool {
	return h.SourceKind != "" && h.samplable() && h.GoneAt == nil && h.Past == nil && h.Right.Allowed && len(catalog.SplitPath(h.Name)) == 2
}

// plainName matches what stands in SQL without quotes.
var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// queryURL leads to the SQL page with a first statement over the dataset, which is not run yet.
func (h *datasetHead) queryURL() string {
	parts := catalog.SplitPath(h.Name)
	for i, p := range parts {
		if !plainName.MatchString(p) {
			parts[i] = `"` + strings.ReplaceAll(p, `"`, `""`) + `"`
		}
	}
	return "/sql?" + formQuery("source", h.Source) + "&" + formQuery("sql", "SELECT *\nFROM "+strings.Join(parts, ".")+"\nLIMIT 100")
}
