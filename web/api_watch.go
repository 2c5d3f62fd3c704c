package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/notify"
)

// watchAnswer is a watch.
type watchAnswer struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind" enum:"dataset,search,team"`
	Target    string     `json:"target" doc:"source/name, the query string of a search, or the slug of a team."`
	Cadence   string     `json:"cadence" enum:"now,daily,weekly" doc:"How soon e-mail and webhook tell of it."`
	Problem   string     `json:"problem" doc:"Why not all of a search could be compared last, or empty."`
	CreatedAt time.Time  `json:"created_at"`
	ToldAt    *time.Time `json:"told_at" doc:"When it last led to a notification; null before."`
}

func showWatch(w notify.Watch) watchAnswer {
	return watchAnswer{catalog.FormatID(w.ID), w.Kind, w.Target, w.Cadence, w.Problem, w.CreatedAt, w.ToldAt}
}

// notificationAnswer is a notification.
type notificationAnswer struct {
	ID      string     `json:"id"`
	Event   string     `json:"event" enum:"schema,deprecated,owner,described,gone,request,grant,match,announcement,membership"`
	Dataset string     `json:"dataset" doc:"source/name; empty when it is about none."`
	Title   string     `json:"title"`
	Body    string     `json:"body"`
	URL     string     `json:"url"`
	At      time.Time  `json:"at"`
	ReadAt  *time.Time `json:"read_at"`
}

func (e *endpoints) showNotification(n notify.Notification) notificationAnswer {
	a := notificationAnswer{
		ID: catalog.FormatID(n.ID), Event: string(n.Event), Title: n.Title, Body: n.Body, URL: e.BaseURL + n.Path, At: n.At, ReadAt: n.ReadAt,
	}
	if n.Name != "" {
		a.Dataset = n.Key().String()
	}
	return a
}

type watchInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"Accepted and not needed: watching twice is watching once."`
	Body           struct {
		Kind    string `json:"kind" enum:"dataset,search,team"`
		Target  string `json:"target" minLength:"1" maxLength:"2000" doc:"source/name, the query string of a search as in /data, or the slug of a team."`
		Cadence string `json:"cadence,omitempty" enum:"now,daily,weekly" default:"now"`
	}
}

// WatchPath names a watch in an address.
type WatchPath struct {
	ID string `path:"id" pattern:"^[0-9]{1,18}$"`
}

type notificationList struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most items to answer with."`
	Cursor string `query:"cursor" maxLength:"20" pattern:"^[0-9]*$" doc:"next_cursor of the previous answer; empty for the newest."`
	Unread bool   `query:"unread" doc:"Only those that have not been read."`
}

type readInput struct {
	Body struct {
		UpTo string `json:"up_to" pattern:"^[0-9]{1,18}$" doc:"The newest notification that has been read: it and all older ones are marked."`
	}
}

// watches adds the operations of watches and notifications.
func (e *endpoints) watches() {
	op := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"Watches"}}
	}
	writes := scope(access.ScopeWrite, access.Viewer)
	register(e, op("list-watches", http.MethodGet, "/watches", "What one watches, newest first"), readers(), e.listWatches)
	create := op("create-watch", http.MethodPost, "/watches", "Watch a dataset, a search or a team")
	create.DefaultStatus = http.StatusCreated
	register(e, create, writes, e.createWatch)
	register(e, op("delete-watch", http.MethodDelete, "/watches/{id}", "Stop watching"), writes, e.deleteWatch)
	register(e, op("list-notifications", http.MethodGet, "/notifications", "What one was told, newest first"), readers(), e.listNotifications)
	register(e, op("read-notifications", http.MethodPost, "/notifications/read", "Mark notifications as read"), writes, e.readNotifications)
}

func (e *endpoints) listWatches(ctx context.Context, in *Paging) (*answer[List[watchAnswer]], error) {
	all, err := e.Notify.Watches(ctx, caller(ctx).ID)
	if err != nil {
		return nil, err
	}
	return reply(pageOf(all, *in, showWatch))
}

func (e *endpoints) createWatch(ctx context.Context, in *watchInput) (*answer[watchAnswer], error) {
	id, err := e.watch(ctx, actOf(ctx, ""), in.Body.Kind, in.Body.Target, in.Body.Cadence)
	if err != nil {
		return nil, err
	}
	all, err := e.Notify.Watches(ctx, caller(ctx).ID)
	for _, w := range all {
		if w.ID == id {
			return reply(showWatch(w), err)
		}
	}
	return nil, fault.NotFoundf("the watch has been stopped already")
}

func (e *endpoints) deleteWatch(ctx context.Context, in *WatchPath) (*struct{}, error) {
	id, _ := strconv.ParseInt(in.ID, 10, 64) // its pattern leaves nothing else
	_, err := e.Notify.Stop(ctx, actOf(ctx, ""), id)
	return nil, err
}

func (e *endpoints) listNotifications(ctx context.Context, in *notificationList) (*answer[List[notificationAnswer]], error) {
	f := notify.Filter{Unread: in.Unread}
	f.Before, _ = strconv.ParseInt(in.Cursor, 10, 64) // its pattern leaves nothing else
	list, err := e.Notify.Notifications(ctx, caller(ctx).ID, f, in.Limit+1)
	out := List[notificationAnswer]{Items: []notificationAnswer{}}
	for i, n := range list {
		if i == in.Limit {
			out.NextCursor = out.Items[i-1].ID
			break
		}
		out.Items = append(out.Items, e.showNotification(n))
	}
	return reply(out, err)
}

func (e *endpoints) readNotifications(ctx context.Context, in *readInput) (*struct{}, error) {
	id, _ := strconv.ParseInt(in.Body.UpTo, 10, 64) // its pattern leaves nothing else
	return nil, e.Notify.MarkRead(ctx, caller(ctx).ID, id, false)
}
