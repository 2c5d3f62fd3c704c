package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/web/ui"
)

const (
	partitionsPageSize = 200
	volumeShown        = 200 // stretches of time in a chart
)

// partitionsPage is a page of a topic's partitions, those in trouble first.
type partitionsPage struct {
	Rows    []catalog.Partition
	Total   int // rows that pass the view
	Ill     int // partitions that are not well
	OnlyIll bool
	Offset  int
}

func (s *Server) getTopicPartitions(c echo.Context) error {
	h, err := s.datasetHead(c, "partitions")
	if h == nil {
		return err
	}
	if h.Detail.Topic == nil {
		return noSuchTab(c, h)
	}
	if err := s.link(c.Request().Context(), h, h.lead(), h.Deprecated); err != nil {
		return err
	}
	p := newPartitionsPage(h.Detail.Topic, c.QueryParams())
	return render(c, http.StatusOK, topicPartitionsView(s.datasetShell(c, h), h, p))
}

func newPartitionsPage(t *catalog.TopicDetail, values url.Values) partitionsPage {
	p := partitionsPage{OnlyIll: values.Get("show") == "unwell", Offset: offsetOf(values)}
	rows := slices.Clone(t.Partitions)
	slices.SortStableFunc(rows, func(a, b catalog.Partition) int {
		return cmp.Or(cmp.Compare(illness(t, &b), illness(t, &a)), cmp.Compare(a.ID, b.ID))
	})
	for p.Ill < len(rows) && illness(t, &rows[p.Ill]) > 0 {
		p.Ill++
	}
	if p.OnlyIll {
		rows = rows[:p.Ill]
	}
	p.Total = len(rows)
	p.Offset = min(p.Offset, len(rows))
	p.Rows = rows[p.Offset:min(p.Offset+partitionsPageSize, len(rows))]
	return p
}

// offsetOf reads where a page of a list begins.
func offsetOf(values url.Values) int {
	n, err := strconv.Atoi(values.Get("offset"))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// illness ranks what is wrong with a partition: 0 is nothing, more is worse.
func illness(t *catalog.TopicDetail, p *catalog.Partition) int {
	switch {
	case p.Leader < 0:
		return 4
	case t.MinInSync > 0 && len(p.InSync) < t.MinInSync:
		return 3
	case len(p.InSync) < len(p.Replicas):
		return 2
	case p.Problem != "":
		return 1
	}
	return 0
}

// partitionState says how a partition is.
func partitionState(t *catalog.TopicDetail, p *catalog.Partition) (tone ui.Tone, text string) {
	switch illness(t, p) {
	case 4:
		return ui.Bad, "No leader"
	case 3:
		return ui.Bad, "Too few in sync"
	case 2:
		return ui.Warn, "Under-replicated"
	case 1:
		return ui.Warn, "Not read"
	}
	if len(p.Replicas) == 1 {
		return ui.Info, "No second copy"
	}
	return ui.Good, "In sync"
}

// Sentence answers how the partitions are.
func (p partitionsPage) Sentence(t *catalog.TopicDetail) string {
	all := partitionCount(t)
	switch {
	case all == 0:
		return "Its partitions are not known."
	case p.Ill == 0 && all > len(t.Partitions):
		return "It has " + plural(all, "partition", "partitions") + ", of which " + number(int64(len(t.Partitions))) +
			" are shown; each of these has a leader and all its replicas in sync."
	case p.Ill == 0 && t.Replication == 1:
		return "Each of its " + plural(all, "partition", "partitions") + " has a leader, and no second copy: what its broker loses is lost."
	case p.Ill == 0:
		return "Each of its " + plural(all, "partition", "partitions") + " has a leader and all its replicas in sync."
	}
	var counts [5]int
	for i := range t.Partitions {
		counts[illness(t, &t.Partitions[i])]++
	}
	var parts []string
	for i, text := range []string{4: "without a leader, so neither read nor written", 3: "with fewer replicas in sync than a safe write needs", 2: "under-replicated", 1: "whose offsets could not be read"} {
		if text != "" && counts[i] > 0 {
			parts = append(parts, number(int64(counts[i]))+" "+text)
		}
	}
	slices.Reverse(parts)
	return "Of " + plural(all, "partition", "partitions") + ", " + strings.Join(parts, "; ") + "."
}

func (p partitionsPage) url(h *datasetHead, ill bool, offset int) string {
	values := url.Values{}
	if ill {
		values.Set("show", "unwell")
	}
	return pageURL(h, "partitions", values, offset)
}

// pageURL is the address of the part of a list on a tab that begins at offset.
func pageURL(h *datasetHead, tab string, values url.Values, offset int) string {
	if offset > 0 {
		values.Set("offset", strconv.Itoa(offset))
	}
	u := datasetURL(h.Key(), tab)
	if len(values) > 0 {
		u += "?" + values.Encode()
	}
	return u
}

func (p partitionsPage) views(h *datasetHead, t *catalog.TopicDetail) []ui.Link {
	return []ui.Link{
		{Text: "All", URL: p.url(h, false, 0), Count: number(int64(partitionCount(t))), Current: !p.OnlyIll},
		{Text: "Unwell", URL: p.url(h, true, 0), Count: number(int64(p.Ill)), Current: p.OnlyIll},
	}
}

func (p partitionsPage) pager(h *datasetHead) ui.Pager {
	return listPager(p.Offset, len(p.Rows), p.Total, partitionsPageSize, "partition", "partitions", func(offset int) string { return p.url(h, p.OnlyIll, offset) })
}

// listPager leads through a list whose pages have size rows.
func listPager(offset, shown, total, size int, one, many string, at func(offset int) string) ui.Pager {
	pager := ui.Pager{Summary: plural(total, one, many)}
	if offset > 0 || offset+shown < total {
		pager.Summary = number(int64(offset+1)) + "–" + number(int64(offset+shown)) + " of " + pager.Summary
	}
	if offset > 0 {
		pager.Previous = at(max(0, offset-size))
	}
	if offset+shown < total {
		pager.Next = at(offset + size)
	}
	return pager
}

// messages is how many offsets a partition spans: as many messages at most.
func messages(p *catalog.Partition) string {
	if p.Problem != "" || p.Leader < 0 && p.End == 0 {
		return unknown
	}
	return number(max(0, p.End-p.Start))
}

// brokers writes ids of brokers.
func brokers(ids []int32) string {
	if len(ids) == 0 {
		return "none"
	}
	texts := make([]string, 0, len(ids))
	for _, id := range ids[:min(len(ids), 12)] {
		texts = append(texts, strconv.Itoa(int(id)))
	}
	if len(ids) > 12 {
		texts = append(texts, "…")
	}
	return strings.Join(texts, ", ")
}

// keptFor says how long a topic keeps messages.
func keptFor(ms *int64) string {
	if ms == nil {
		return unknown
	}
	if *ms < 0 {
		return "for ever"
	}
	for _, unit := range []struct {
		ms        int64
		one, many string
	}{{86_400_000, "day", "days"}, {3_600_000, "hour", "hours"}, {60_000, "minute", "minutes"}, {1000, "second", "seconds"}} {
		if *ms >= unit.ms && *ms%unit.ms == 0 {
			return plural(int(*ms/unit.ms), unit.one, unit.many)
		}
	}
	if *ms >= 3_600_000 {
		return "about " + age(time.Duration(min(*ms, 1<<42))*time.Millisecond)
	}
	return number(*ms) + " ms"
}

// keptUpTo says how much of each partition a topic keeps.
func keptUpTo(bytes *int64) string {
	switch {
	case bytes == nil:
		return unknown
	case *bytes < 0:
		return "any size"
	}
	return size(*bytes) + " a partition"
}

func replication(t *catalog.TopicDetail) string {
	if t.Replication == 0 {
		return unknown
	}
	text := plural(t.Replication, "replica", "replicas")
	if t.MinInSync > 0 {
		text += ", " + number(int64(t.MinInSync)) + " in sync at least"
	}
	return text
}

// cleanup says what a topic's policy does, in words.
func cleanup(policy string) string {
	deletes, compacts := strings.Contains(policy, "delete"), strings.Contains(policy, "compact")
	switch {
	case deletes && compacts:
		return policy + ": the newest message of each key, for a time"
	case compacts:
		return policy + ": the newest message of each key"
	case deletes:
		return policy + ": old messages go"
	}
	return orUnknown(policy)
}

// partitionCount returns how many partitions there are; a crawl keeps the first ones only of a great many.
func partitionCount(t *catalog.TopicDetail) int { return max(t.PartitionCount, len(t.Partitions)) }

// topicStats are the figures that a topic's page begins with.
func (h *datasetHead) topicStats() []ui.Stat {
	t := h.Detail.Topic
	ill := newPartitionsPage(t, nil).Ill
	partitions := ui.Stat{Label: "Partitions", Value: number(int64(partitionCount(t))), Note: "all in sync"}
	if ill > 0 {
		partitions.Note = plural(ill, "is", "are") + " not well"
	}
	switch {
	case t.Replication == 1 && ill == 0:
		partitions.Note = "no second copy of any"
	case t.Replication == 1:
		partitions.Note += ", no second copy"
	case t.Replication > 0:
		partitions.Note += ", " + plural(t.Replication, "replica", "replicas") + " each"
	}
	kept := ui.Stat{Label: "Kept", Value: keptFor(t.RetentionMS), Note: keptUpTo(t.RetentionBytes)}
	if strings.Contains(t.CleanupPolicy, "compact") && !strings.Contains(t.CleanupPolicy, "delete") {
		kept = ui.Stat{Label: "Kept", Value: "newest by key", Note: "cleanup policy compact"}
	}
	rows := ui.Stat{Label: "Messages", Value: unknown, About: h.estimated("rows") && h.RowCount != nil}
	if h.RowCount != nil {
		rows.Value, rows.Note = short(*h.RowCount), "by offsets"
	}
	lag := consumersLag(h, t.Groups)
	return []ui.Stat{rows, {Label: "Size", Value: sizeOf(h.ByteCount), About: h.estimated("bytes") && h.ByteCount != nil}, partitions, kept, lag}
}

// consumersLag is the group that is furthest behind.
func consumersLag(h *datasetHead, groups []catalog.GroupOnTopic) ui.Stat {
	stat := ui.Stat{Label: "Largest lag", Value: "none", Note: "no consumer groups"}
	if len(groups) == 0 {
		return stat
	}
	stat.Value, stat.Note = unknown, plural(len(groups), "consumer group", "consumer groups")
	if first := byLag(groups)[0]; first.Lag != nil {
		stat.Value, stat.Note, stat.URL = short(*first.Lag), "of "+cut(first.Name, 40), groupURL(h, first.Name, 0)
		if stalled(&first) {
			stat.Tone, stat.Note = ui.Warn, stat.Note+", which nobody reads for"
		}
	}
	return stat
}

// volumeChart shows what was written in each stretch of time, oldest first.
func (h *datasetHead) volumeChart() (chart ui.Columns, enough bool) {
	all := h.Detail.Topic.Volume
	all = all[max(0, len(all)-volumeShown):]
	chart = ui.Columns{Head: "From", Unit: "Messages", Format: func(v float64) string { return short(int64(v)) }}
	var most int64
	for i, v := range all {
		most = max(most, v.Rows)
		unfinished := i == len(all)-1 && (v.To.After(h.SeenAt) || i > 0 && v.To.Sub(v.From) < all[i-1].To.Sub(all[i-1].From))
		col := ui.Column{Label: volumeLabel(all, i), Value: float64(max(0, v.Rows)), Text: number(v.Rows), Part: unfinished}
		col.Name = v.From.UTC().Format("2 Jan 2006, 15:04") + " to " + v.To.UTC().Format("15:04 UTC")
		if unfinished {
			col.Text += ", not over yet when it was read"
		}
		chart.Data = append(chart.Data, col)
	}
	chart.Name = "Messages written in " + plural(len(all), "stretch of time", "stretches of time") + ", at most " + number(most)
	return chart, len(all) > 1
}

// volumeLabel names a stretch on the axis.
func volumeLabel(all []catalog.Volume, i int) string {
	return all[i].From.UTC().Format(axisLayout(all[len(all)-1].To.Sub(all[0].From)))
}

// volumeHead says what the bars are.
func (h *datasetHead) volumeHead() string {
	if all := h.Detail.Topic.Volume; len(all) > 0 {
		return "Messages per " + every(all[0].To.Sub(all[0].From).Round(time.Minute))
	}
	return "Messages over time"
}

// messagesHead is what the messages of a partition are called: where offsets are more than messages, it says so.
func (h *datasetHead) messagesHead() string {
	if h.estimated("rows") {
		return "Messages, at most"
	}
	return "Messages"
}
