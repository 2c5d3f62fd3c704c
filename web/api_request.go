package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// accessRequestAnswer is a request for access.
type accessRequestAnswer struct {
	ID        string      `json:"id"`
	Dataset   DatasetName `json:"dataset"`
	Person    string      `json:"person" doc:"The name of who asks."`
	Team      string      `json:"team"`
	Columns   []string    `json:"columns" nullable:"true" doc:"Top-level columns; null is all."`
	Purpose   string      `json:"purpose"`
	Until     time.Time   `json:"until"`
	Extends   *string     `json:"extends" doc:"The grant that it asks to replace by a longer one."`
	State     string      `json:"state" enum:"pending,approved,denied,withdrawn,expired"`
	DecidedBy string      `json:"decided_by"`
	DecidedAt *time.Time  `json:"decided_at"`
	Reason    string      `json:"reason" doc:"Of the decision."`
	CreatedAt time.Time   `json:"created_at"`
	GrantID   *string     `json:"grant_id" doc:"What came of it."`
	URL       string      `json:"url" doc:"Of its page."`
}

// grantAnswer is leave to read a restricted dataset.
type grantAnswer struct {
	ID        string      `json:"id"`
	Dataset   DatasetName `json:"dataset"`
	Person    string      `json:"person"`
	Columns   []string    `json:"columns" nullable:"true" doc:"Top-level columns; null is all."`
	Until     time.Time   `json:"until"`
	GrantedBy string      `json:"granted_by"`
	CreatedAt time.Time   `json:"created_at"`
	EndedAt   *time.Time  `json:"ended_at" doc:"When it was revoked or found to have expired; it opens nothing after until either way."`
	EndedBy   string      `json:"ended_by"`
	Reason    string      `json:"reason" doc:"Of its end."`
	Live      bool        `json:"live"`
}

// requestInput asks for access.
type requestInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"Accepted and not needed: there is one pending request per person and dataset."`
	Body           struct {
		Dataset DatasetName `json:"dataset"`
		Purpose string      `json:"purpose" doc:"10 to 2,000 characters."`
		Until   string      `json:"until" doc:"A day, whose end it is, or a time; at most 366 days from now."`
		Columns []string    `json:"columns,omitempty" doc:"Top-level columns; none is all."`
		Extends string      `json:"extends,omitempty" doc:"A grant of one's own that it replaces."`
	}
}

// RequestPath names a request or a grant in an address.
type RequestPath struct {
	ID string `path:"id" pattern:"^[0-9]{1,18}$"`
}

// approveInput approves a request, or some of it.
type approveInput struct {
	RequestPath
	Body struct {
		Until   string   `json:"until,omitempty" doc:"As in the request, or earlier; empty is as asked."`
		Columns []string `json:"columns,omitempty" doc:"Of those that were asked for; none is as asked."`
		Reason  string   `json:"reason,omitempty"`
	}
}

// reasonInput ends a request or a grant.
type reasonInput struct {
	RequestPath
	Body struct {
		Reason string `json:"reason,omitempty" doc:"Required unless the request or the grant is one's own."`
	}
}

type revokeInput struct {
	RequestPath
	Reason string `query:"reason" maxLength:"2000" doc:"Required unless the grant is one's own."`
}

type requestsInput struct {
	Paging
	View string `query:"view" enum:"asked,waiting" default:"asked" doc:"One's own requests, or those that one may decide on and that wait."`
}

// grants adds the operations of asking for access and deciding.
func (e *endpoints) grants() {
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"Access"}}
	}
	asks, decides := scope(access.ScopeWrite, access.Viewer), scope(access.ScopeWrite, access.Owner)
	const root, one = "/access-requests", "/access-requests/{id}"
	create := op("create-access-request", http.MethodPost, root, "Ask for access to a restricted dataset")
	create.DefaultStatus = http.StatusCreated
	register(e, create, asks, e.createRequest)
	register(e, op("list-access-requests", http.MethodGet, root, "Requests, one's own or those that wait for one"), readers(), e.listRequests)
	register(e, op("get-access-request", http.MethodGet, one, "A request of one's own, or that one may decide on"), readers(), e.getRequestByID)
	register(e, op("approve-access-request", http.MethodPost, one+"/approve", "Grant what was asked for, or less"), decides, e.approveRequest)
	register(e, op("deny-access-request", http.MethodPost, one+"/deny", "Refuse it, and say why"), decides, e.denyRequest)
	register(e, op("withdraw-access-request", http.MethodPost, one+"/withdraw", "Take back a request of one's own"), asks, e.withdrawRequest)
	register(e, op("list-grants", http.MethodGet, "/grants", "What one was granted"), readers(), e.listGrants)
	register(e, op("revoke-grant", http.MethodDelete, "/grants/{id}", "End a grant at once"), asks, e.revokeGrant)
}

func (e *endpoints) createRequest(ctx context.Context, in *requestInput) (*answer[accessRequestAnswer], error) {
	d, w, err := e.whole(ctx, catalog.Key(in.Body.Dataset))
	if err != nil {
		return nil, err
	}
	ask := access.Ask{Purpose: in.Body.Purpose}
	if ask.Until, err = endOf(in.Body.Until); err != nil {
		return nil, err
	}
	ask.Extends, _ = strconv.ParseInt(in.Body.Extends, 10, 64)
	if len(in.Body.Columns) > 0 {
		columns, err := e.columnsOf(ctx, &d, &w)
		if err != nil {
			return nil, err
		}
		columns = slices.DeleteFunc(columns, func(c catalog.WholeColumn) bool { return c.Depth() > 0 })
		if ask.Columns, err = chosenColumns(in.Body.Columns, columns); err != nil {
			return nil, inBody(err)
		}
	}
	id, err := e.Access.Ask(ctx, actOf(ctx, ""), w.Subject(), ask)
	if err != nil {
		return nil, inBody(err)
	}
	return e.answerRequest(ctx, id)
}

// endOf reads the end of access: a time, or a day, whose last second it is.
func endOf(text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	at, err := lastDay(text)
	return at, inBody(err)
}

// inBody makes an error about a form's field one about the member of a body.
func inBody(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Invalid && e.Field != "" && e.Field[0] != '/' {
		return fault.Invalidf("/"+e.Field, "%s", e.Msg)
	}
	return err
}

func (e *endpoints) answerRequest(ctx context.Context, id int64) (*answer[accessRequestAnswer], error) {
	r, err := e.Access.Request(ctx, id)
	return reply(showRequest(r), err)
}

func (e *endpoints) listRequests(ctx context.Context, in *requestsInput) (*answer[List[accessRequestAnswer]], error) {
	var all []access.Request
	var err error
	if in.View == "waiting" {
		all, err = e.waiting(ctx, caller(ctx))
	} else {
		all, err = e.Access.RequestsOf(ctx, caller(ctx).ID, requestsShown)
	}
	if err != nil {
		return nil, err
	}
	return reply(pageOf(all, in.Paging, showRequest))
}

func (e *endpoints) getRequestByID(ctx context.Context, in *RequestPath) (*answer[accessRequestAnswer], error) {
	who := caller(ctx)
	r, d, err := e.requestOn(ctx, in.id())
	if err == nil && r.PersonID != who.ID && !who.Owns(d) {
		err = fault.NotFoundf("there is no such request")
	}
	return reply(showRequest(r), err)
}

func (p RequestPath) id() int64 {
	n, _ := strconv.ParseInt(p.ID, 10, 64) // its pattern leaves nothing else
	return n
}

func (e *endpoints) approveRequest(ctx context.Context, in *approveInput) (*answer[accessRequestAnswer], error) {
	r, d, err := e.requestOn(ctx, in.id())
	if who := caller(ctx); err == nil && r.PersonID != who.ID && !who.Owns(d) {
		err = fault.NotFoundf("there is no such request")
	}
	if err != nil {
		return nil, err
	}
	var a access.Approval
	if in.Body.Until != "" {
		if a.Until, err = endOf(in.Body.Until); err != nil {
			return nil, err
		}
	}
	if len(in.Body.Columns) > 0 {
		a.Columns = in.Body.Columns
	}
	if _, err := e.Access.Approve(ctx, actOf(ctx, in.Body.Reason), d, in.id(), a); err != nil {
		return nil, inBody(err)
	}
	return e.answerRequest(ctx, in.id())
}

func (e *endpoints) denyRequest(ctx context.Context, in *reasonInput) (*answer[accessRequestAnswer], error) {
	_, d, err := e.requestOn(ctx, in.id())
	if err == nil {
		err = e.Access.Deny(ctx, actOf(ctx, in.Body.Reason), d, in.id())
	}
	if err != nil {
		return nil, inBody(err)
	}
	return e.answerRequest(ctx, in.id())
}

func (e *endpoints) withdrawRequest(ctx context.Context, in *RequestPath) (*answer[accessRequestAnswer], error) {
	if err := e.Access.Withdraw(ctx, actOf(ctx, ""), in.id()); err != nil {
		return nil, err
	}
	return e.answerRequest(ctx, in.id())
}

func (e *endpoints) listGrants(ctx context.Context, in *Paging) (*answer[List[grantAnswer]], error) {
	all, err := e.Access.GrantsOf(ctx, caller(ctx).ID, requestsShown)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(all, *in, showGrant))
}

func (e *endpoints) revokeGrant(ctx context.Context, in *revokeInput) (*answer[grantAnswer], error) {
	_, d, err := e.grantAndSubject(ctx, in.id())
	if err == nil {
		err = e.Access.Revoke(ctx, actOf(ctx, in.Reason), d, in.id())
	}
	if err != nil {
		return nil, err
	}
	g, err := e.Access.Grant(ctx, in.id())
	return reply(showGrant(g), err)
}

func showRequest(r access.Request) accessRequestAnswer {
	return accessRequestAnswer{
		ID: catalog.FormatID(r.ID), Dataset: DatasetName{r.Source, r.Dataset}, Person: r.Person, Team: r.Team, Columns: r.Columns,
		Purpose: r.Purpose, Until: r.Until.UTC(), Extends: idText(r.Extends), State: r.State, DecidedBy: r.DecidedBy, DecidedAt: utc(r.DecidedAt),
		Reason: r.Reason, CreatedAt: r.CreatedAt.UTC(), GrantID: idText(r.GrantID), URL: requestURL(r.ID),
	}
}

func showGrant(g access.Grant) grantAnswer {
	return grantAnswer{
		ID: catalog.FormatID(g.ID), Dataset: DatasetName{g.Source, g.Dataset}, Person: g.Person, Columns: g.Columns, Until: g.Until.UTC(),
		GrantedBy: g.GrantedBy, CreatedAt: g.CreatedAt.UTC(), EndedAt: utc(g.EndedAt), EndedBy: g.EndedBy, Reason: g.Reason, Live: g.Live,
	}
}

func idText(id *int64) *string {
	if id == nil {
		return nil
	}
	text := catalog.FormatID(*id)
	return &text
}
