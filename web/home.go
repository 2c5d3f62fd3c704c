package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/notify"
)

// homePage is what the first page shows.
type homePage struct {
	Totals  catalog.Totals
	Opened  []catalog.Dataset // by this person
	Popular []catalog.Dataset
	News    []newsItem
	Waiting []access.Request       // that this person decides, oldest first
	Asked   []ownRequest           // of this person, that wait
	Notices []notify.Notification  // that they have not read and nothing above tells, newest first
	Told    int                    // unread notifications of what Home tells otherwise
	Up      []catalog.Announcement // that concern this person
	Watches int                    // what they watch
	Sources []catalog.SourceStatus // that are read
	Now     time.Time
}

func (s *Server) getHome(c echo.Context) error {
	ctx := c.Request().Context()
	p := homePage{Now: s.Now()}
	var err error
	if p.Totals, err = s.Catalog.Totals(ctx); err != nil {
		return err
	}
	all, err := s.Catalog.Sources(ctx)
	if err != nil {
		return err
	}
	p.Sources, _ = apart(all)
	if err := s.needs(ctx, principal(c), &p); err != nil {
		return err
	}
	if p.Totals.Datasets > 0 {
		if p.Opened, err = s.Catalog.Opened(ctx, principal(c).ID, 6); err != nil {
			return err
		}
		if p.Popular, err = s.Catalog.Popular(ctx, 6); err != nil {
			return err
		}
		news, err := s.Catalog.News(ctx, newsRead)
		if err != nil {
			return err
		}
		p.News = groupNews(news)
		p.Popular = without(p.Popular, p.Opened)
		for _, list := range [][]catalog.Dataset{p.Opened, p.Popular} {
			if err := s.describe(ctx, list); err != nil {
				return err
			}
		}
	}
	sh := s.shell(c, sectionHome, "Home", crumb{Text: "Home"})
	return render(c, http.StatusOK, homeView(sh, p))
}

const (
	noticesShown = 6 // unread notifications
	noticesRead  = 50
	waitingShown = 5 // requests that wait
	upShown      = 5 // announcements
)

// needs loads what waits for who asks, and what they should know.
func (s *Server) needs(ctx context.Context, who access.Principal, p *homePage) (err error) {
	if p.Waiting, err = s.waiting(ctx, who); err != nil {
		return err
	}
	if p.Asked, err = s.ownRequests(ctx, who, waitingShown); err != nil {
		return err
	}
	if p.Up, err = s.Catalog.AnnouncementsFor(ctx, who, upShown); err != nil {
		return err
	}
	unread, err := s.Notify.Notifications(ctx, who.ID, notify.Filter{Unread: true}, noticesRead)
	if err != nil {
		return err
	}
	p.Notices = slices.DeleteFunc(slices.Clone(unread), p.tells)
	p.Told = len(unread) - len(p.Notices)
	p.Notices = p.Notices[:min(len(p.Notices), noticesShown)]
	watches, err := s.Notify.Watches(ctx, who.ID)
	p.Watches = len(watches)
	return err
}

// tells reports whether a notification is of a request or an announcement that Home lists by itself.
func (p *homePage) tells(n notify.Notification) bool {
	if n.Event == notify.Announcement {
		return slices.ContainsFunc(p.Up, func(a catalog.Announcement) bool { return a.Key() == n.Key() && a.Text == n.Body })
	}
	return n.Event == notify.Request && slices.ContainsFunc(p.Waiting, func(r access.Request) bool { return requestURL(r.ID) == n.Path })
}

// moreUnread leads to what Home does not list.
func (p homePage) moreUnread(unread int) string {
	if unread >= 100 {
		return "More than " + number(int64(99-len(p.Notices)-p.Told)) + " more unread"
	}
	return number(int64(unread-len(p.Notices)-p.Told)) + " more unread"
}

// describe fills in the descriptions that datasets do not have themselves, as their pages do.
func (s *Server) describe(ctx context.Context, datasets []catalog.Dataset) error {
	for i := range datasets {
		if datasets[i].Description != "" || datasets[i].GoneAt != nil {
			continue
		}
		w, err := s.Catalog.Whole(ctx, datasets[i])
		if err != nil {
			return err
		}
		datasets[i].Description = w.Description
	}
	return nil
}

const (
	newsRead  = 40 // changes that are looked at
	newsShown = 12 // lines that are shown
	newsFew   = 3  // first sights of one crawl from which they are one line
)

// newsItem is a line of the news: a change of one dataset, an edit of several, or the first sight of several in one crawl.
type newsItem struct {
	catalog.DatasetVersion
	First int  // datasets seen first by one crawl; 0 for a change of one
	Some  bool // First is only how many were looked at
}

// crawl is the crawl that saw the item.
func (n newsItem) crawl() int64 { return firstSeenBy(n.DatasetVersion) }

// place is the source of what the item is about, where that is one dataset.
func (n newsItem) place() string {
	if n.Datasets > 1 {
		return ""
	}
	return n.Dataset.Source + "/"
}

// name is what the item is about.
func (n newsItem) name() string {
	if n.Datasets > 1 {
		return plural(n.Datasets, "dataset", "datasets")
	}
	return cut(n.Dataset.Name, 80)
}

// summary says what changed, and who changed it. An edit of several may have changed of each something else.
func (n newsItem) summary() string {
	text := changeSummary(n.Changes)
	if n.Datasets > 1 {
		text = "such as " + cut(n.Dataset.Key().String(), 80) + ": " + text
	}
	if len(n.Changes) > 0 && n.Changes[0].By != "" {
		text += ", by " + n.Changes[0].By
	}
	return text
}

// firstSeen writes how many datasets were new.
func (n newsItem) firstSeen() string {
	text := plural(n.First, "dataset", "datasets") + " first seen"
	if n.Some {
		text = "At least " + text
	}
	return text
}

// firstSeenBy returns the crawl that saw the dataset first when that is all the news there is of it, else 0.
func firstSeenBy(v catalog.DatasetVersion) int64 {
	if len(v.Changes) == 1 && v.Changes[0].Kind == catalog.Created {
		return v.Changes[0].CrawlID
	}
	return 0
}

// groupNews makes one line of the datasets that one crawl saw first: a list of all their names is no news.
func groupNews(news []catalog.DatasetVersion) []newsItem {
	some := len(news) == newsRead
	news = tellable(news)
	first := map[int64]int{}
	for _, v := range news {
		first[firstSeenBy(v)]++
	}
	var items []newsItem
	told := map[int64]bool{}
	for _, v := range news {
		id := firstSeenBy(v)
		switch {
		case id == 0 || first[id] < newsFew:
			items = append(items, newsItem{DatasetVersion: v})
		case !told[id]:
			told[id] = true
			items = append(items, newsItem{DatasetVersion: v, First: first[id], Some: some})
		}
	}
	return items[:min(len(items), newsShown)]
}

// tellable returns news without what is none to people: that two names were found to be the same thing.
func tellable(news []catalog.DatasetVersion) []catalog.DatasetVersion {
	var told []catalog.DatasetVersion
	for _, v := range news {
		v.Changes = slices.DeleteFunc(slices.Clone(v.Changes), func(c catalog.Change) bool {
			return c.Kind == catalog.AttributeEdited && c.Field == shownWith
		})
		if len(v.Changes) > 0 {
			told = append(told, v)
		}
	}
	return told
}

// without returns the datasets of all that are not among some.
func without(all, some []catalog.Dataset) []catalog.Dataset {
	return slices.DeleteFunc(all, func(d catalog.Dataset) bool {
		return slices.ContainsFunc(some, func(o catalog.Dataset) bool { return o.ID == d.ID })
	})
}

// Sentence answers what there is.
func (p homePage) Sentence() string {
	t := p.Totals
	text := plural(t.Datasets, "dataset", "datasets") + " with " + plural(t.Columns, "column", "columns") +
		" in " + plural(t.Sources, "source", "sources")
	if t.Rows > 0 {
		about := ""
		if t.Estimated {
			about = "about "
		}
		text += ": " + about + short(t.Rows) + " rows, " + size(t.Bytes) + " where it is known"
	}
	return text + "."
}

// troubled returns the sources whose last crawl left something unread.
func (p homePage) troubled() []catalog.SourceStatus {
	var bad []catalog.SourceStatus
	for _, src := range p.Sources {
		if sourceProblem(&src) != "" {
			bad = append(bad, src)
		}
	}
	return bad
}

// troubledLine says of several sources at once that something is wrong with them.
func (p homePage) troubledLine(bad []catalog.SourceStatus) string {
	text := number(int64(len(bad))) + " of " + plural(len(p.Sources), "source", "sources")
	if slices.ContainsFunc(bad, func(src catalog.SourceStatus) bool { return !unread(src.Last) }) {
		return text + " could not be read whole"
	}
	return text + " cannot be read"
}

// running returns the sources that are being read now.
func (p homePage) running() []catalog.SourceStatus {
	var now []catalog.SourceStatus
	for _, src := range p.Sources {
		if crawling(&src) {
			now = append(now, src)
		}
	}
	return now
}
