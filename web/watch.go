package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/notify"
)

// watchRoutes returns the routes of watching and being told.
func (s *Server) watchRoutes() []route {
	viewer := needs(access.Viewer)
	return []route{
		{"POST", "/watch", viewer, s.postWatch},
		{"GET", "/watching", viewer, s.getWatching},
		{"POST", "/watching/:id", viewer, s.postCadence},
		{"POST", "/watching/:id/stop", viewer, s.postWatchStop},
		{"POST", "/watching/email", viewer, s.postEmail},
		{"POST", "/watching/webhook", viewer, s.postWebhook},
		{"POST", "/watching/webhook/test", viewer, s.postWebhookTest},
		{"POST", "/watching/webhook/secret", viewer, s.postWebhookSecret},
		{"POST", "/watching/deliveries/:id", viewer, s.postDelivery},
		{"GET", "/stop-mail/:secret", public, s.getStopMail},
		{"POST", "/stop-mail/:secret", public, s.postStopMail},
		{"GET", "/notifications", viewer, s.getNotifications},
		{"POST", "/notifications", viewer.forReaders(), s.postNotifications},
	}
}

// watchMeans says what one is told of who watches something of a kind.
var watchMeans = map[string]string{
	notify.OfDataset: "its columns, owner, description or state change",
	notify.OfSearch:  "it finds a dataset that it did not find before",
	notify.OfTeam:    "a dataset of the team changes",
}

func watchVerb(kind string) string {
	if kind == notify.OfSearch {
		return "Watch this search"
	}
	return "Watch"
}

// fillWatch finds out whether who asks watches the dataset.
func (s *Server) fillWatch(ctx context.Context, c echo.Context, h *datasetHead) (err error) {
	if who := principal(c); who.ID != 0 {
		h.Watching, err = s.Notify.WatchingDataset(ctx, who.ID, h.ID)
	}
	return err
}

// searchWatch is a search as it can be watched.
type searchWatch struct {
	Target   string // "" when it cannot be
	Watching bool
}

// searchWatch returns how who asks stands to the search of this address.
func (s *Server) searchWatch(c echo.Context) (w searchWatch, err error) {
	if w.Target, err = notify.SearchTarget(c.QueryString()); err != nil {
		return searchWatch{}, nil //nolint:nilerr // a search for everything has no button
	}
	w.Watching, err = s.Notify.Watching(c.Request().Context(), principal(c).ID, notify.OfSearch, w.Target)
	return w, err
}

// postWatch begins or ends a watch and goes back to where it was asked for.
func (s *Server) postWatch(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	ctx, act := c.Request().Context(), s.act(c, "")
	kind, target, back := form.Get("kind"), form.Get("target"), form.Get("back")
	if form.Has("stop") || form.Get("on") == "no" {
		target = cmp.Or(form.Get("stop"), target)
		err = s.Notify.StopTarget(ctx, act, kind, target)
	} else {
		_, err = s.watch(ctx, act, kind, target, cmp.Or(form.Get("cadence"), notify.AtOnce))
	}
	if err != nil {
		return err
	}
	if back == "" && kind == notify.OfSearch {
		back = "/data?" + target
	}
	return c.Redirect(http.StatusSeeOther, backTo(back))
}

// watch begins to watch a target of a kind and returns the watch's id.
func (s *Server) watch(ctx context.Context, act access.Act, kind, target, cadence string) (int64, error) {
	switch kind {
	case notify.OfDataset:
		source, name, _ := strings.Cut(target, "/")
		return s.Notify.WatchDataset(ctx, act, catalog.Key{Source: source, Name: name}, cadence)
	case notify.OfSearch:
		return s.Notify.WatchSearch(ctx, act, target, cadence)
	case notify.OfTeam:
		return s.Notify.WatchTeam(ctx, act, target, cadence)
	}
	return 0, fault.Invalidf("/kind", "datasets, searches and teams can be watched")
}

// watchingPage is what a person watches, and where they are told.
type watchingPage struct {
	Watches  []notify.Watch
	Channel  notify.Channel
	Failures []notify.Failure
	Mail     bool         // the portal sends mail
	Stopped  notify.Watch // what was stopped just now; zero: nothing
	Secret   string       // of the webhook, shown this once, or ""
	Tested   string       // what came of a test that worked, or ""
	Field    string       // that Problem is about
	Problem  string
	Typed    string // into that field
	Now      time.Time
}

// watchingPage loads the page of who asks.
func (s *Server) watchingPage(c echo.Context) (p watchingPage, err error) {
	ctx, who := c.Request().Context(), principal(c).ID
	p.Now, p.Mail = s.Now(), s.Outside.Mail != nil
	if p.Watches, err = s.Notify.Watches(ctx, who); err != nil {
		return p, err
	}
	if p.Channel, err = s.Notify.Channel(ctx, who); err != nil {
		return p, err
	}
	p.Typed = p.Channel.Webhook
	p.Failures, err = s.Notify.Failures(ctx, who)
	return p, err
}

func (s *Server) showWatching(c echo.Context, code int, p watchingPage) error {
	sh := s.shell(c, sectionHome, "What you watch", crumb{"Home", "/"}, crumb{Text: "What you watch"})
	if c.Request().Method != http.MethodGet {
		sh.Path = "/watching"
	}
	return render(c, code, watchingView(sh, p))
}

func (s *Server) getWatching(c echo.Context) error {
	p, err := s.watchingPage(c)
	if err != nil {
		return err
	}
	if kind := c.QueryParam("kind"); watchMeans[kind] != "" {
		p.Stopped = notify.Watch{Kind: kind, Target: c.QueryParam("stopped"), Cadence: c.QueryParam("cadence")}
	}
	return s.showWatching(c, http.StatusOK, p)
}

func (s *Server) postCadence(c echo.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	form, err := posted(c)
	if err != nil {
		return err
	}
	if err := s.Notify.SetCadence(c.Request().Context(), s.act(c, ""), id, form.Get("cadence")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/watching")
}

// postWatchStop ends a watch and offers to begin it again.
func (s *Server) postWatchStop(c echo.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	w, err := s.Notify.Stop(c.Request().Context(), s.act(c, ""), id)
	if err != nil {
		return err
	}
	q := url.Values{"kind": {w.Kind}, "stopped": {w.Target}, "cadence": {w.Cadence}}
	return c.Redirect(http.StatusSeeOther, "/watching?"+q.Encode())
}

// watchTitle writes what is watched.
func watchTitle(w notify.Watch) string {
	switch w.Kind {
	case notify.OfSearch:
		return notify.SearchWords(w.Target)
	case notify.OfTeam:
		return w.Target
	}
	return w.Target
}

// watchURL is the page of what is watched.
func watchURL(w notify.Watch) string {
	switch w.Kind {
	case notify.OfSearch:
		return "/data?" + w.Target
	case notify.OfTeam:
		return "/teams/" + url.PathEscape(w.Target)
	}
	source, name, _ := strings.Cut(w.Target, "/")
	return datasetURL(catalog.Key{Source: source, Name: name}, "")
}

// watchIcon is the icon of a kind of watch.
func watchIcon(kind string) string {
	switch kind {
	case notify.OfSearch:
		return "search"
	case notify.OfTeam:
		return "team"
	}
	return "table"
}

// cadences are how soon one can be told, as the page offers them.
var cadences = [][2]string{{notify.AtOnce, "At once"}, {notify.Daily, "Daily, 07:00 UTC"}, {notify.Weekly, "Mondays, 07:00 UTC"}}
