package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
)

// auditRoutes returns the routes of the audit log.
func (s *Server) auditRoutes() []route {
	return []route{
		{http.MethodGet, auditPath, needs(access.Admin), s.getAudit},
		{http.MethodPost, auditPath + "/verify", needs(access.Admin), s.postVerify},
		{http.MethodPost, auditPath + "/export", needs(access.Admin), s.postAuditExport},
	}
}

const (
	auditPath     = "/admin/audit"
	auditPageSize = 50
	// verifyTime is how long a check of the log may take that somebody waits for: less than the server lets an answer take.
	verifyTime = 50 * time.Second
)

// auditPage is what a search in the audit log shows.
type auditPage struct {
	Filter  auditFilter
	Entries []access.Entry
	Older   string // address of the page with older rows, or ""
	Head    access.Head
	Checked *auditCheck // the last check that was asked for here
	Now     time.Time
}

// auditFilter is a search in the audit log as its address holds it.
type auditFilter struct {
	Person, Action, Object, Text string
	From, To                     string // days in UTC, both included
	Before                       int64
	Problem                      map[string]string // by field
}

// auditFilterOf reads a filter. A day that is none is told and does not count.
func auditFilterOf(values url.Values) auditFilter {
	get := func(name string) string { return strings.TrimSpace(cut(values.Get(name), 200)) }
	f := auditFilter{
		Person: get("person"), Action: get("action"), Object: get("object"), Text: get("q"), From: get("from"), To: get("to"), Problem: map[string]string{},
	}
	if n, err := strconv.ParseInt(values.Get("before"), 10, 64); err == nil && n > 0 {
		f.Before = n
	}
	for name, text := range map[string]string{"from": f.From, "to": f.To} {
		if _, err := time.Parse(time.DateOnly, text); err != nil && text != "" {
			f.Problem[name] = "Write a day as 2026-11-30."
		}
	}
	return f
}

// values is the filter as an address or a form holds it, without the place in the list.
func (f *auditFilter) values() url.Values {
	v := url.Values{}
	for _, p := range f.pairs() {
		if p[1] != "" {
			v.Set(p[0], p[1])
		}
	}
	return v
}

func (f *auditFilter) pairs() [][2]string {
	return [][2]string{{"person", f.Person}, {"action", f.Action}, {"object", f.Object}, {"q", f.Text}, {"from", f.From}, {"to", f.To}}
}

func (f *auditFilter) empty() bool { return len(f.values()) == 0 }

// url is the address of the rows before one, or of the newest when before is 0.
func (f *auditFilter) url(before int64) string {
	v := f.values()
	if before > 0 {
		v.Set("before", strconv.FormatInt(before, 10))
	}
	if len(v) == 0 {
		return auditPath
	}
	return auditPath + "?" + v.Encode()
}

// query is what the filter asks the log.
func (f *auditFilter) query() access.AuditQuery {
	q := access.AuditQuery{Person: f.Person, Action: f.Action, Object: f.Object, Text: f.Text, Before: f.Before}
	q.From, _ = time.Parse(time.DateOnly, f.From)
	if to, err := time.Parse(time.DateOnly, f.To); err == nil {
		q.To = to.AddDate(0, 0, 1)
	}
	return q
}

func (s *Server) getAudit(c echo.Context) error {
	ctx := c.Request().Context()
	p := auditPage{Filter: auditFilterOf(c.QueryParams()), Now: s.Now()}
	q := p.Filter.query()
	q.Limit = auditPageSize + 1
	var err error
	if p.Entries, err = s.Access.Entries(ctx, q); err != nil {
		return err
	}
	if len(p.Entries) > auditPageSize {
		p.Entries = p.Entries[:auditPageSize]
		p.Older = p.Filter.url(p.Entries[auditPageSize-1].Seq)
	}
	if p.Head, err = s.Access.AuditHead(ctx); err != nil {
		return err
	}
	if p.Checked, err = s.lastCheck(ctx); err != nil {
		return err
	}
	code := http.StatusOK
	if len(p.Filter.Problem) > 0 {
		code = http.StatusUnprocessableEntity
	}
	return render(c, code, auditView(s.shell(c, "", "Audit log", crumb{Text: "Audit log"}), p))
}

// auditCheck is a check of the log as the log itself tells of it.
type auditCheck struct {
	By   string    `json:"-"`
	At   time.Time `json:"-"`
	Rows int64     `json:"rows"`
	Bad  int64     `json:"bad,omitempty"`
	What string    `json:"what,omitempty"`
	Head string    `json:"head"`
}

// checkAction is the action under which checks are recorded.
const checkAction = "audit.verify"

func (s *Server) lastCheck(ctx context.Context) (*auditCheck, error) {
	found, err := s.Access.Entries(ctx, access.AuditQuery{Action: checkAction, Limit: 1})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	check := auditCheck{By: found[0].Person, At: found[0].At}
	if json.Unmarshal([]byte(found[0].Detail), &check) != nil {
		return nil, nil //nolint:nilerr,nilnil // a row that somebody tampered with tells of no check
	}
	return &check, nil
}

// postVerify checks the whole log and records what came of it, which the page then shows.
func (s *Server) postVerify(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), verifyTime)
	defer cancel()
	v, err := s.Access.VerifyAnchored(ctx)
	if err != nil {
		return err
	}
	detail := map[string]any{"rows": v.Rows, "head": v.Head.String()}
	if !v.OK() {
		detail["bad"], detail["what"] = v.Bad, v.What
		s.Log.ErrorContext(ctx, "audit log is not what was written", "row", v.Bad, "what", v.What)
	}
	event := access.Event{Action: checkAction, Object: "audit log", Detail: detail}
	if err := s.Access.RecordOnly(ctx, s.act(c, ""), event); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, auditPath)
}

// objectURL is the address of the page about what an act was done to, or "".
func objectURL(object string) string {
	kind, name, _ := strings.Cut(object, " ")
	switch kind {
	case "dataset":
		if source, rest, ok := strings.Cut(name, "/"); ok && rest != "" {
			return datasetURL(catalog.Key{Source: source, Name: rest}, "")
		}
	case "source":
		return sourceURL(name)
	case "person":
		id, _, _ := strings.Cut(name, " ")
		if _, err := strconv.ParseInt(id, 10, 64); err == nil {
			return "/people/" + id
		}
	case "team", "domain":
		return "/" + kind + "s/" + url.PathEscape(name)
	}
	return ""
}

// pretty writes JSON over several lines, and anything else as it is.
func pretty(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

// act is an action in words: "token.create" is "token create".
func actWords(action string) string {
	return strings.NewReplacer(".", " ", "_", " ").Replace(action)
}
