package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/query"
)

// scripted is an engine that answers every statement with the same; what it was asked, by whom, is noted.
type scripted struct {
	query.Engine
	updates []query.Update
	err     error
	asked   []string
	ended   int
}

func (e *scripted) engine() func(who access.Principal, source string) query.Engine {
	return func(who access.Principal, source string) query.Engine {
		e.asked = append(e.asked, who.Name+" over "+source)
		return e
	}
}

type engines func(who access.Principal, source string) query.Engine

func (f engines) Engine(who access.Principal, source string) query.Engine { return f(who, source) }

func (e *scripted) Start(_ context.Context, s query.Statement) (query.Execution, error) {
	e.asked = append(e.asked, s.SQL)
	return &played{engine: e, left: e.updates}, nil
}

type played struct {
	engine *scripted
	left   []query.Update
}

func (p *played) ID() string     { return "1" }
func (p *played) Handle() string { return "1" }

func (p *played) Next(context.Context) (query.Update, error) {
	if len(p.left) == 0 {
		if p.engine.err != nil {
			return query.Update{}, p.engine.err
		}
		return query.Update{}, io.EOF
	}
	u := p.left[0]
	p.left = p.left[1:]
	return u, nil
}

func (p *played) Cancel(context.Context) error {
	p.engine.ended++
	return nil
}

func newSQL(t *testing.T, e *scripted) *core {
	t.Helper()
	st := newCore(t, func(s *Server) { s.SQL = engines(e.engine()) })
	st.exec(`UPDATE source SET kind = 'iceberg' WHERE slug = 'lake'`)
	return st
}

func resultOf(text string) query.Rows {
	var rows []json.RawMessage
	_ = json.Unmarshal([]byte(text), &rows)
	return query.Rows{JSON: json.RawMessage(text), Count: len(rows)}
}

func TestSQLShowsAResult(t *testing.T) {
	t.Parallel()
	e := &scripted{updates: []query.Update{
		{Columns: []query.Column{{Name: "n", Type: "BIGINT"}, {Name: "<b>", Type: "VARCHAR"}, {Name: "s", Type: "STRUCT(a INTEGER)"}}},
		{Rows: resultOf(`[[9007199254740993,"<script>alert(1)</script>",{"a":1}],[null,"",null]]`)},
	}}
	st := newSQL(t, e)
	ana := st.as(access.Analyst)
	doc := html(t, st.ask(http.MethodGet, "/sql?sql=SELECT+1", ana))
	if got := doc.Find("textarea#sql").Text(); got != "SELECT 1" || len(e.asked) > 0 {
		t.Errorf("the linked page holds %q and ran %v", got, e.asked)
	}
	doc = html(t, st.ask(http.MethodPost, "/sql", ana, ours, form("source", "lake", "sql", "SELECT *\r\nFROM raw.t")))
	if got := fmt.Sprint(e.asked); got != "[The analyst over lake SELECT *\nFROM raw.t]" || e.ended != 1 {
		t.Errorf("asked %s, ended %d times", got, e.ended)
	}
	wantText(t, doc, "main [role=status]", "2 rows, 3 columns")
	wantText(t, doc, "main tbody", `9007199254740993<script>alert(1)</script>{"a":1}`)
	if doc.Find("main tbody script, main thead b").Length() > 0 {
		t.Error("a value is taken for HTML")
	}
	if doc.Find("main td.null").Length() != 3 || doc.Find("main td.num").Length() != 2 {
		t.Errorf("%d cells without a value, %d numbers", doc.Find("main td.null").Length(), doc.Find("main td.num").Length())
	}
	var detail string
	if err := st.pool.QueryRow(t.Context(), `SELECT person || ' ' || object || ' ' || detail FROM audit WHERE action = 'sql.run'`).Scan(&detail); err != nil || !strings.Contains(detail, "The analyst source lake") || !strings.Contains(detail, "FROM raw.t") {
		t.Errorf("the audit log has %q, %v", detail, err)
	}
}

// However many rows there are, the page stops at its limit, says so, and ends the statement.
func TestSQLSaysThatThereAreMore(t *testing.T) {
	t.Parallel()
	page := query.Update{Columns: []query.Column{{Name: "n", Type: "BIGINT"}}, Rows: resultOf("[" + strings.TrimSuffix(strings.Repeat("[1],", 600), ",") + "]")}
	e := &scripted{updates: []query.Update{page, page, page, page}}
	st := newSQL(t, e)
	doc := html(t, st.ask(http.MethodPost, "/sql", st.as(access.Analyst), ours, form("sql", "SELECT 1")))
	wantText(t, doc, "main [role=status]", "The first 1,000 rows; there are more")
	if e.ended != 1 {
		t.Errorf("the statement was ended %d times", e.ended)
	}
}

func TestSQLTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	e := &scripted{err: &query.Problem{Cause: query.Mistake, Message: "there is no column x", Code: "C", Line: 2, Column: 4}}
	st := newSQL(t, e)
	ana := st.as(access.Analyst)
	res := st.ask(http.MethodPost, "/sql", ana, ours, form("sql", "SELECT\n\t  x"))
	wantStatus(t, res, http.StatusUnprocessableEntity)
	doc := html(t, res)
	wantText(t, doc, "#sql-problem", "Line 2, character 4: There is no column x.")
	if got := doc.Find("#sql-problem pre").Text(); got != "   x\n   ^" {
		t.Errorf("the place is drawn as %q", got)
	}
	if got := doc.Find("textarea#sql").Text(); got != "SELECT\n\t  x" || doc.Find("textarea#sql[aria-invalid=true]").Length() != 1 {
		t.Errorf("the statement is %q now", got)
	}
	e.err = fault.Unavailablef(nil, "the engine is closed")
	res = st.ask(http.MethodPost, "/sql", ana, ours, form("sql", "SELECT 1"))
	wantStatus(t, res, http.StatusServiceUnavailable)
	wantText(t, html(t, res), "main [role=alert]", "The engine is closed.")
	without := newCore(t, nil)
	wantText(t, html(t, without.ask(http.MethodGet, "/sql", without.as(access.Analyst))), "main .empty", "No source whose rows this portal reads")
	if html(t, without.ask(http.MethodGet, "/", without.as(access.Analyst))).Find(`nav a[href="/sql"]`).Length() > 0 {
		t.Error("a portal without engines leads to SQL")
	}
}

// A dataset whose rows one may read leads to a statement over it, whatever its name.
func TestSQLFromADataset(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"raw.flights": "FROM raw.flights\n", `raw.Odd "name`: `FROM raw."Odd ""name"` + "\n"} {
		h := &datasetHead{Whole: catalog.Whole{Dataset: catalog.Dataset{Source: "lake", Name: name, Kind: catalog.Table}}, SourceKind: "iceberg"}
		if h.queryable() {
			t.Errorf("%s leads to SQL for who may not read it", name)
		}
		h.Right.Allowed = true
		u, err := url.Parse(h.queryURL())
		if err != nil || !h.queryable() || u.Query().Get("source") != "lake" || !strings.Contains(u.Query().Get("sql"), want) {
			t.Errorf("%s leads to %s, %v; want %q", name, u, err, want)
		}
	}
}
