package web

import (
	"strings"
	"time"

	"portreeve/catalog"
	"portreeve/web/ui"
)

// apart splits sources in those that are read and those that are retired.
func apart(all []catalog.SourceStatus) (live, retired []catalog.SourceStatus) {
	for i := range all {
		if all[i].RetiredAt != nil {
			retired = append(retired, all[i])
		} else {
			live = append(live, all[i])
		}
	}
	return live, retired
}

// unread reports whether a crawl ended without having read anything.
func unread(c *catalog.Crawl) bool {
	return c.State == catalog.CrawlFailed && c.Seen == 0 || c.State == catalog.CrawlPartial && c.Seen == 0 && c.Failed >= c.ScopesTotal
}

// lastRead is when a source was last read, nil if it never gave anything.
func lastRead(src *catalog.SourceStatus) *time.Time {
	if src.Last != nil && unread(src.Last) && src.Datasets+src.Gone == 0 {
		return nil
	}
	return src.LastOKAt
}

// sourceProblem returns what is wrong with a source, or "".
func sourceProblem(src *catalog.SourceStatus) string {
	switch {
	case src.Last == nil || src.RetiredAt != nil:
		return ""
	case unread(src.Last):
		return src.Slug + " could not be read: " + whyUnread(src.Last, 300)
	case src.Last.State == catalog.CrawlFailed:
		return src.Slug + " could not be read to the end: " + whyUnread(src.Last, 300)
	case src.Last.State == catalog.CrawlPartial:
		return "Parts of " + src.Slug + " could not be read: " + plural(src.Last.Failed, "dataset or schema", "datasets or schemas")
	case src.Problems > 0:
		return plural(src.Problems, "dataset", "datasets") + " of " + src.Slug + " could not be read"
	}
	return ""
}

// whyUnread is the cause of a crawl that failed, in at most limit characters.
func whyUnread(c *catalog.Crawl, limit int) string {
	switch {
	case c.Message != "":
		return cut(c.Message, limit)
	case c.ScopesTotal == 1:
		return "its only part failed"
	case c.ScopesTotal > 1:
		return "all " + number(int64(c.ScopesTotal)) + " parts of it failed"
	}
	return "the cause is not known"
}

// sourceHealth is a source's state in a word.
func sourceHealth(src *catalog.SourceStatus) (ui.Tone, string) {
	switch {
	case src.RetiredAt != nil:
		return ui.Muted, "Retired"
	case src.Kind == catalog.Registered:
		return ui.Good, "Written by hand"
	case src.Last == nil:
		return ui.Muted, "Never read"
	case src.Last.State == catalog.CrawlQueued:
		return ui.Live, "Waiting to be read"
	case src.Last.State == catalog.CrawlRunning:
		return ui.Live, "Being read"
	case src.Last.State == catalog.CrawlFailed || unread(src.Last):
		return ui.Bad, "Cannot be read"
	case sourceProblem(src) != "":
		return ui.Warn, "Read in part"
	}
	return ui.Good, "Read"
}

// crawlFound is what a crawl found different, in words.
func crawlFound(c *catalog.Crawl) string {
	parts := []string{plural(c.Seen, "dataset", "datasets") + " seen"}
	for _, part := range []struct {
		n    int
		what string
	}{{c.Added, "new"}, {c.Changed, "changed"}, {c.Renamed, "renamed"}, {c.Gone, "gone"}, {c.Failed, "failed"}} {
		if part.n > 0 {
			parts = append(parts, number(int64(part.n))+" "+part.what)
		}
	}
	if c.Added+c.Changed+c.Renamed+c.Gone+c.Failed == 0 && c.State == catalog.CrawlFinished {
		parts = append(parts, "nothing new")
	}
	return strings.Join(parts, ", ")
}

// crawlResult is what a crawl came to in a line: what it found, or why it found nothing.
func crawlResult(c *catalog.Crawl) string {
	if unread(c) {
		return "nothing read: " + whyUnread(c, 160)
	}
	return crawlFound(c)
}

// sourcesSentence says how the sources do that are read.
func sourcesSentence(sources []catalog.SourceStatus) string {
	datasets, troubled, running := 0, 0, 0
	for i := range sources {
		datasets += sources[i].Datasets
		if sourceProblem(&sources[i]) != "" {
			troubled++
		}
		if crawling(&sources[i]) {
			running++
		}
	}
	text := plural(len(sources), "source", "sources") + ", " + plural(datasets, "dataset", "datasets") + "."
	if troubled > 0 {
		text += " " + plural(troubled, "has", "have") + " something that could not be read; the rest is not affected."
	}
	if running > 0 {
		text += " " + plural(running, "is", "are") + " being read now."
	}
	return text
}
