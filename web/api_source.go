package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
)

// sourceAnswer is a source and how it does.
type sourceAnswer struct {
	Slug              string       `json:"slug"`
	Kind              string       `json:"kind"`
	Title             string       `json:"title"`
	Namespace         string       `json:"namespace" doc:"OpenLineage's name of the system."`
	Aliases           []string     `json:"aliases" doc:"Other namespaces that foreign names use for it."`
	Note              string       `json:"note"`
	DeclaredIn        string       `json:"declared_in" doc:"file:line of the estate; empty when it is not declared there."`
	RetiredAt         *time.Time   `json:"retired_at" doc:"Since when it is declared no longer: it keeps its datasets and is not read; else null."`
	CrawlEverySeconds int64        `json:"crawl_every_seconds"`
	NextCrawlAt       time.Time    `json:"next_crawl_at"`
	Datasets          int          `json:"datasets" doc:"Those that are there."`
	Gone              int          `json:"gone"`
	Problems          int          `json:"problems" doc:"Datasets that could not be read at the last crawl."`
	LastOKAt          *time.Time   `json:"last_ok_at" doc:"End of the newest crawl that read anything; null before."`
	FailingSince      *time.Time   `json:"failing_since" doc:"Since when it cannot be read at all; null while it can."`
	Failures          int          `json:"failures" doc:"Crawls in a row that read nothing."`
	LastCrawl         *CrawlAnswer `json:"last_crawl" doc:"The newest, maybe still running; null before the first."`
}

// sourceDetail is a source with how it is set up.
type sourceDetail struct {
	sourceAnswer
	Settings []settingAnswer `json:"settings" doc:"What is set, without secrets."`
}

// settingAnswer is a setting of a source. Secrets are told as the references that lead to them.
type settingAnswer struct {
	Name   string   `json:"name"`
	Help   string   `json:"help"`
	Values []string `json:"values" doc:"As they are declared; more than one in a list; empty when it is hidden."`
	Means  []string `json:"means" doc:"What the values stand for, such as a namespace for the name of a source; empty when they stand for themselves."`
	Secret bool     `json:"secret"`
	Hidden bool     `json:"hidden" doc:"It is set and not told."`
}

// CrawlAnswer is a run over a source.
type CrawlAnswer struct {
	ID          string     `json:"id"`
	Source      string     `json:"source"`
	Trigger     string     `json:"trigger" doc:"schedule, or who asked."`
	State       string     `json:"state" enum:"queued,running,finished,partial,failed" doc:"Partial: some of it failed and the rest is true."`
	Scope       string     `json:"scope" doc:"What is being read now."`
	ScopesTotal int        `json:"scopes_total"`
	ScopesDone  int        `json:"scopes_done"`
	Seen        int        `json:"seen" doc:"Datasets; likewise the counts below."`
	Added       int        `json:"added"`
	Changed     int        `json:"changed"`
	Renamed     int        `json:"renamed"`
	Gone        int        `json:"gone"`
	Failed      int        `json:"failed"`
	Message     string     `json:"message" doc:"Why the whole run failed."`
	StartedAt   time.Time  `json:"started_at"`
	HeartbeatAt time.Time  `json:"heartbeat_at"`
	FinishedAt  *time.Time `json:"finished_at"`
}

type scopeAnswer struct {
	Name         string     `json:"name"`
	Datasets     int        `json:"datasets"`
	OKAt         *time.Time `json:"ok_at" doc:"When it was last read to its end."`
	Problem      string     `json:"problem"`
	ProblemSince *time.Time `json:"problem_since"`
}

// SourcePath names a source in an address.
type SourcePath struct {
	Slug string `path:"slug" maxLength:"63"`
}

type sourceList struct {
	SourcePath
	Paging
}

// sources adds GET /api/v1/sources and what lies below it.
func (e *endpoints) sources() {
	op := func(id, below, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: "/sources" + below, Summary: summary, Tags: []string{"Sources"}}
	}
	register(e, op("list-sources", "", "All sources"), readers(), func(ctx context.Context, in *Paging) (*answer[List[sourceAnswer]], error) {
		all, err := e.Catalog.Sources(ctx)
		if err != nil {
			return nil, err
		}
		troubles, err := e.Catalog.Troubles(ctx, "")
		if err != nil {
			return nil, err
		}
		return reply(pageOf(all, *in, func(src catalog.SourceStatus) sourceAnswer { return showSource(src, troubles[src.Slug]) }))
	})
	register(e, op("get-source", "/{slug}", "A source"), readers(), e.getSource)
	register(e, op("list-scopes", "/{slug}/scopes", "The parts of a source, and how each was last read"), readers(), e.getScopes)
	register(e, op("list-crawls", "/{slug}/crawls", "The crawls of a source, newest first"), readers(), e.getCrawls)
}

func (e *endpoints) getSource(ctx context.Context, in *SourcePath) (*answer[sourceDetail], error) {
	src, err := e.Catalog.SourceStatus(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	troubles, err := e.Catalog.Troubles(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	detail := sourceDetail{showSource(src, troubles[src.Slug]), []settingAnswer{}}
	set, _ := settingsShown(e.settings(&src.Source))
	for _, v := range set {
		detail.Settings = append(detail.Settings, settingAnswer{v.Name, v.Help, append([]string{}, v.Values...), append([]string{}, v.Means...), v.Secret, v.Hidden})
	}
	return reply(detail, nil)
}

func (e *endpoints) getScopes(ctx context.Context, in *sourceList) (*answer[List[scopeAnswer]], error) {
	if _, err := e.Catalog.SourceStatus(ctx, in.Slug); err != nil {
		return nil, err
	}
	all, err := e.Catalog.Scopes(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(all, in.Paging, func(sc catalog.Scope) scopeAnswer {
		return scopeAnswer{sc.Name, sc.Datasets, utc(sc.OKAt), sc.Problem, utc(sc.ProblemSince)}
	}))
}

func (e *endpoints) getCrawls(ctx context.Context, in *sourceList) (*answer[List[CrawlAnswer]], error) {
	from, err := in.offset()
	if err != nil {
		return nil, err
	}
	if _, err := e.Catalog.SourceStatus(ctx, in.Slug); err != nil {
		return nil, err
	}
	crawls, err := e.Catalog.Crawls(ctx, in.Slug, from+in.Limit+1)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(crawls, in.Paging, showCrawl))
}

func showSource(src catalog.SourceStatus, trouble catalog.Trouble) sourceAnswer {
	shown := sourceAnswer{
		Slug: src.Slug, Kind: src.Kind, Title: src.Title, Namespace: src.Namespace, Note: src.Note,
		Aliases: append([]string{}, src.Aliases...), DeclaredIn: src.DeclaredIn, RetiredAt: utc(src.RetiredAt), Failures: trouble.Failures,
		CrawlEverySeconds: int64(src.CrawlEvery.Seconds()), NextCrawlAt: src.NextCrawlAt.UTC(), Datasets: src.Datasets, Gone: src.Gone,
		Problems: src.Problems, LastOKAt: utc(src.LastOKAt),
	}
	if trouble.Failures > 0 {
		shown.FailingSince = utc(&trouble.Since)
	}
	if src.Last != nil {
		last := showCrawl(*src.Last)
		shown.LastCrawl = &last
	}
	return shown
}

func showCrawl(c catalog.Crawl) CrawlAnswer {
	return CrawlAnswer{
		catalog.FormatID(c.ID), c.Source, c.Trigger, string(c.State), c.Scope, c.ScopesTotal, c.ScopesDone, c.Seen, c.Added, c.Changed, c.Renamed, c.Gone,
		c.Failed, c.Message, c.StartedAt.UTC(), c.HeartbeatAt.UTC(), utc(c.FinishedAt),
	}
}

// crawlInput asks for a crawl.
type crawlInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"Accepted and not needed: asking again answers with the crawl that is open."`
	Body           struct {
		Source string `json:"source" pattern:"^[a-z][a-z0-9_-]*$" maxLength:"63" doc:"Slug of the source."`
	}
}

// crawlStarted answers with the crawl that was started, or that was open already.
type crawlStarted struct {
	Location string `header:"Location"`
	Body     struct {
		ID string `json:"id"`
	}
}

type crawlPath struct {
	ID string `path:"id" pattern:"^[0-9]{1,18}$"`
}

// number returns the id; the pattern has made sure that it is one.
func (p crawlPath) number() int64 {
	n, _ := strconv.ParseInt(p.ID, 10, 64)
	return n
}

// crawlDetail is a crawl with what it could not read.
type crawlDetail struct {
	CrawlAnswer
	Errors []crawlErrorAnswer `json:"errors" doc:"What could not be read, at most 500 entries."`
}

type crawlErrorAnswer struct {
	Scope   string    `json:"scope"`
	Name    string    `json:"name" doc:"Of the dataset; empty when the whole scope could not be read."`
	Message string    `json:"message"`
	At      time.Time `json:"at"`
}

// crawls adds POST /api/v1/crawls and what lies below it. Crawls load other people's systems, so starting one is for owners
// of data and those above them.
func (e *endpoints) crawls() {
	register(e, huma.Operation{
		OperationID: "start-crawl", Method: http.MethodPost, Path: "/crawls", Summary: "Crawl a source now", Tags: []string{"Sources"},
		DefaultStatus: http.StatusAccepted, Description: "Answers at once; a source has at most one crawl open.",
	}, scope(access.ScopeWrite, access.Owner), e.postCrawl)
	register(e, huma.Operation{
		OperationID: "get-crawl", Method: http.MethodGet, Path: "/crawls/{id}", Summary: "A crawl", Tags: []string{"Sources"},
	}, readers(), e.getCrawl)
	e.crawlEvents()
}

func (e *endpoints) postCrawl(ctx context.Context, in *crawlInput) (*crawlStarted, error) {
	if _, err := e.Catalog.SourceStatus(ctx, in.Body.Source); err != nil {
		return nil, err
	}
	id, err := e.Crawls.StartCrawl(ctx, actOf(ctx, ""), in.Body.Source)
	if err != nil {
		return nil, err
	}
	out := &crawlStarted{Location: apiRoot + "/crawls/" + catalog.FormatID(id)}
	out.Body.ID = catalog.FormatID(id)
	return out, nil
}

func (e *endpoints) getCrawl(ctx context.Context, in *crawlPath) (*answer[crawlDetail], error) {
	c, err := e.Catalog.Crawl(ctx, in.number())
	if err != nil {
		return nil, err
	}
	errs, err := e.Catalog.CrawlErrors(ctx, c.ID, 500)
	out := crawlDetail{showCrawl(c), make([]crawlErrorAnswer, 0, len(errs))}
	for _, ce := range errs {
		out.Errors = append(out.Errors, crawlErrorAnswer{ce.Scope, ce.Name, ce.Message, ce.At.UTC()})
	}
	return reply(out, err)
}

// crawlEvents adds GET /api/v1/crawls/{id}/events: the crawl as JSON whenever it changes, until it is over.
func (e *endpoints) crawlEvents() {
	op := &huma.Operation{
		OperationID: "watch-crawl", Method: http.MethodGet, Path: apiRoot + "/crawls/{id}/events", Summary: "Events of a crawl under way", Tags: []string{"Sources"},
		Description: "Server-sent events named crawl, each the whole crawl as JSON. The stream ends when the crawl does.",
		Parameters:  []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string", Pattern: "^[0-9]{1,18}$"}}},
	}
	e.describe(op, readers())
	op.Responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}}
	e.huma.OpenAPI().AddOperation(op)
	e.router.add(route{http.MethodGet, apiRoot + "/crawls/:id/events", readers(), e.getCrawlEvents})
}

func (e *endpoints) getCrawlEvents(c echo.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return echo.ErrNotFound
	}
	return e.stream(c, []string{catalog.CrawlTopic}, func(payload string) (string, []byte, bool, error) {
		if payload != "" && payload != catalog.FormatID(id) {
			return "", nil, false, nil
		}
		crawl, err := e.Catalog.Crawl(c.Request().Context(), id)
		if err != nil {
			return "", nil, false, err
		}
		data, err := json.Marshal(showCrawl(crawl))
		return "crawl", data, crawl.FinishedAt != nil, err
	})
}
