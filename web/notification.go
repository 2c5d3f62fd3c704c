package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/notify"
	"portreeve/web/ui"
)

// bellLabel says what the bell shows.
func bellLabel(unread int) string {
	switch {
	case unread == 0:
		return "Notifications"
	case unread < 100:
		return "Notifications, " + number(int64(unread)) + " unread"
	}
	return "Notifications, more than 99 unread"
}

// unread returns how many notifications who asks has not read. A page must not fail for it, so it is 0 when that cannot be known.
func (s *Server) unread(c echo.Context) int {
	who := principal(c)
	if who.ID == 0 {
		return 0
	}
	n, err := s.Notify.Unread(c.Request().Context(), who.ID)
	if err != nil {
		s.Log.WarnContext(c.Request().Context(), "unread notifications not counted", "request_id", requestOf(c).id, "error", err)
	}
	return n
}

// notificationsShown is how many stand on one page.
const notificationsShown = 50

// notificationsPage is what a person was told.
type notificationsPage struct {
	List   []notify.Notification
	Filter notify.Filter
	More   bool
	Now    time.Time
}

func (s *Server) getNotifications(c echo.Context) error {
	p := notificationsPage{Now: s.Now(), Filter: notify.Filter{Unread: c.QueryParam("unread") == "1"}}
	if e := notify.Event(c.QueryParam("event")); slices.ContainsFunc(eventFilters, func(f eventFilter) bool { return f.event == e }) {
		p.Filter.Event = e
	}
	if n, err := strconv.ParseInt(c.QueryParam("before"), 10, 64); err == nil {
		p.Filter.Before = max(n, 0)
	}
	var err error
	if p.List, err = s.Notify.Notifications(c.Request().Context(), principal(c).ID, p.Filter, notificationsShown+1); err != nil {
		return err
	}
	if p.More = len(p.List) > notificationsShown; p.More {
		p.List = p.List[:notificationsShown]
	}
	sh := s.shell(c, sectionHome, "Notifications", crumb{"Home", "/"}, crumb{Text: "Notifications"})
	return render(c, http.StatusOK, notificationsView(sh, p))
}

// postNotifications marks one notification as read, or all up to one: what came after the page was drawn stays unread.
func (s *Server) postNotifications(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	only := form.Has("read")
	text := form.Get("read")
	if !only {
		text = form.Get("until")
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fault.Invalidf("/until", "name the notification up to which all are read")
	}
	if err := s.Notify.MarkRead(c.Request().Context(), principal(c).ID, id, only); err != nil {
		return err
	}
	back := form.Get("back")
	if back == "" {
		back = "/notifications"
	}
	return c.Redirect(http.StatusSeeOther, backTo(back))
}

// eventFilter is a choice of the page's filter.
type eventFilter struct {
	event notify.Event
	text  string
}

// eventFilters are the kinds of notifications, as the page offers them.
var eventFilters = []eventFilter{
	{notify.SchemaChanged, "Columns"},
	{notify.Deprecated, "Deprecated"},
	{notify.OwnerChanged, "Owner"},
	{notify.Described, "Description"},
	{notify.Gone, "Gone or back"},
	{notify.Request, "Requests"},
	{notify.Grant, "Access"},
	{notify.Match, "Searches"},
	{notify.Announcement, "Announcements"},
	{notify.Membership, "Teams"},
}

// url is the page with another filter, from its newest.
func (p notificationsPage) url(f notify.Filter) string {
	q := url.Values{}
	if f.Unread {
		q.Set("unread", "1")
	}
	if f.Event != "" {
		q.Set("event", string(f.Event))
	}
	if f.Before > 0 {
		q.Set("before", catalog.FormatID(f.Before))
	}
	if len(q) == 0 {
		return "/notifications"
	}
	return "/notifications?" + q.Encode()
}

func (p notificationsPage) tabs() []ui.Link {
	all, unread := p.Filter, p.Filter
	all.Unread, unread.Unread, all.Before, unread.Before = false, true, 0, 0
	return []ui.Link{
		{Text: "All", URL: p.url(all), Current: !p.Filter.Unread}, {Text: "Unread", URL: p.url(unread), Current: p.Filter.Unread},
	}
}

func (p notificationsPage) pager() ui.Pager {
	pager := ui.Pager{Summary: plural(len(p.List), "notification", "notifications")}
	if p.Filter.Before > 0 {
		newest := p.Filter
		newest.Before = 0
		pager.Previous = p.url(newest)
	}
	if p.More {
		next := p.Filter
		next.Before = p.List[len(p.List)-1].ID
		pager.Next = p.url(next)
	}
	return pager
}

// newest is the id up to which all are marked as read; 0 when there is none to mark.
func (p notificationsPage) newest() int64 {
	if p.Filter.Before == 0 && slices.ContainsFunc(p.List, func(n notify.Notification) bool { return n.ReadAt == nil }) {
		return p.List[0].ID
	}
	return 0
}

// eventIcon is the icon of an event.
func eventIcon(e notify.Event) string {
	switch e {
	case notify.SchemaChanged:
		return "column"
	case notify.Deprecated:
		return "warning"
	case notify.OwnerChanged, notify.Membership:
		return "team"
	case notify.Described:
		return "edit"
	case notify.Gone:
		return "trash"
	case notify.Request, notify.Grant:
		return "lock"
	case notify.Match:
		return "search"
	case notify.Announcement:
		return "megaphone"
	}
	return "bell"
}

func noticeClass(n *notify.Notification) string {
	if n.ReadAt == nil {
		return "notice unread"
	}
	return "notice"
}
