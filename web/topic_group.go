package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/web/ui"
)

const (
	groupsPageSize = 100
	lagsPageSize   = 200
	membersShown   = 200
)

// consumersPage is the consumer groups of a topic, those furthest behind first, or one of them.
type consumersPage struct {
	Rows   []catalog.GroupOnTopic
	Total  int
	Offset int
	Group  *groupPage // nil: all of them
}

// groupPage is a consumer group and how far it is in each partition.
type groupPage struct {
	catalog.GroupOnTopic
	Lags   []catalog.GroupOffset // of this page, largest first
	Offset int
}

func (s *Server) getTopicConsumers(c echo.Context) error {
	h, err := s.datasetHead(c, "consumers")
	if h == nil {
		return err
	}
	if h.Detail.Topic == nil {
		return noSuchTab(c, h)
	}
	if err := s.link(c.Request().Context(), h, h.lead(), h.Deprecated); err != nil {
		return err
	}
	p := newConsumersPage(h, c.QueryParams())
	return render(c, http.StatusOK, topicConsumersView(s.datasetShell(c, h), h, p))
}

func newConsumersPage(h *datasetHead, values url.Values) consumersPage {
	groups := byLag(h.Detail.Topic.Groups)
	p := consumersPage{Total: len(groups), Offset: min(offsetOf(values), len(groups))}
	if name, ok := values["group"]; ok {
		i := slices.IndexFunc(groups, func(g catalog.GroupOnTopic) bool { return g.Name == name[0] })
		if i >= 0 {
			p.Group = newGroupPage(groups[i], offsetOf(values))
			return p
		}
		h.Missed = "There was no consumer group " + quote(name[0]) + " at the last crawl. These are all that there were."
	}
	p.Rows = groups[p.Offset:min(p.Offset+groupsPageSize, len(groups))]
	return p
}

func newGroupPage(g catalog.GroupOnTopic, offset int) *groupPage {
	lags := slices.Clone(g.Offsets)
	slices.SortStableFunc(lags, func(a, b catalog.GroupOffset) int {
		return cmp.Or(cmp.Compare(b.Lag, a.Lag), cmp.Compare(a.Partition, b.Partition))
	})
	offset = min(offset, len(lags))
	return &groupPage{GroupOnTopic: g, Offset: offset, Lags: lags[offset:min(offset+lagsPageSize, len(lags))]}
}

// byLag returns groups, those furthest behind first and those of which it is not known last.
func byLag(groups []catalog.GroupOnTopic) []catalog.GroupOnTopic {
	sorted := slices.Clone(groups)
	slices.SortStableFunc(sorted, func(a, b catalog.GroupOnTopic) int {
		if a.Lag == nil || b.Lag == nil {
			return cmp.Or(cmp.Compare(knownRank(b.Lag), knownRank(a.Lag)), cmp.Compare(a.Name, b.Name))
		}
		return cmp.Or(cmp.Compare(*b.Lag, *a.Lag), cmp.Compare(a.Name, b.Name))
	})
	return sorted
}

func knownRank(n *int64) int {
	if n == nil {
		return 0
	}
	return 1
}

// groupState says how a group is: Kafka's word, and what it means.
func groupState(g *catalog.GroupOnTopic) (tone ui.Tone, text string) {
	switch strings.ToLower(g.State) {
	case "stable":
		return ui.Good, "Stable"
	case "empty":
		if behind(g) {
			return ui.Warn, "Empty: nobody reads, and messages wait"
		}
		return ui.Muted, "Empty: nobody reads"
	case "preparingrebalance", "completingrebalance", "assigning", "reconciling":
		return ui.Live, "Rebalancing"
	case "dead":
		return ui.Bad, "Dead"
	case "":
		return ui.Muted, "Unknown"
	}
	return ui.Info, cut(g.State, 40)
}

// behind reports whether messages wait for a group.
func behind(g *catalog.GroupOnTopic) bool { return g.Lag != nil && *g.Lag > 0 }

// stalled reports whether messages wait for a group that nobody reads for: that lag only grows.
func stalled(g *catalog.GroupOnTopic) bool { return behind(g) && len(g.Members) == 0 }

// protocolWord is how people call a protocol.
func protocolWord(protocol string) string {
	if protocol == "consumer" {
		return "consumer (KIP-848)"
	}
	return orUnknown(protocol)
}

// Sentence answers who reads the topic.
func (p consumersPage) Sentence(h *datasetHead) string {
	groups := h.Detail.Topic.Groups
	if len(groups) == 0 {
		return "No consumer group has read it, as far as the broker remembers."
	}
	reading := 0
	for i := range groups {
		if len(groups[i].Members) > 0 {
			reading++
		}
	}
	text := plural(len(groups), "consumer group has read it", "consumer groups have read it") + "; "
	switch {
	case reading == 0:
		text += "nobody reads now"
	case reading == len(groups):
		text += plural(reading, "reads now", "read now")
	default:
		text += plural(reading, "reads now", "read now") + ", " + number(int64(len(groups)-reading)) + " without members"
	}
	furthest := byLag(groups)[0]
	switch {
	case furthest.Lag == nil:
		return text + ", and how far behind is not known."
	case *furthest.Lag <= 0:
		return text + ", and none is known to be behind."
	}
	text += ", " + number(*furthest.Lag)
	if h.RowCount != nil && *h.RowCount >= *furthest.Lag {
		text += " of " + h.about("rows", number(*h.RowCount))
	}
	text += " messages behind"
	if len(groups) > 1 {
		text += " at most"
	}
	return text + "."
}

func (p consumersPage) pager(h *datasetHead) ui.Pager {
	return listPager(p.Offset, len(p.Rows), p.Total, groupsPageSize, "consumer group", "consumer groups", func(offset int) string {
		return pageURL(h, "consumers", url.Values{}, offset)
	})
}

func groupURL(h *datasetHead, name string, offset int) string {
	return pageURL(h, "consumers", url.Values{"group": {name}}, offset)
}

func (p *groupPage) pager(h *datasetHead) ui.Pager {
	return listPager(p.Offset, len(p.Lags), len(p.Offsets), lagsPageSize, "partition", "partitions", func(offset int) string { return groupURL(h, p.Name, offset) })
}

// clients names the first members of a group.
func clients(members []catalog.GroupMember) string {
	const named = 3
	var names []string
	for _, m := range members {
		if len(names) < named && !slices.Contains(names, cut(m.ClientID, 40)) {
			names = append(names, cut(m.ClientID, 40))
		}
	}
	if len(names) == 0 {
		return "–"
	}
	text := strings.Join(names, ", ")
	if len(members) > named {
		text += " …"
	}
	return text
}

// partitionList writes ids of partitions, runs of them short: 0–5, 9.
func partitionList(ids []int32) string {
	if len(ids) == 0 {
		return "none"
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	var runs []string
	for i := 0; i < len(ids); {
		j := i
		for j+1 < len(ids) && ids[j+1] == ids[j]+1 {
			j++
		}
		run := strconv.Itoa(int(ids[i]))
		if j > i {
			run += "–" + strconv.Itoa(int(ids[j]))
		}
		if runs = append(runs, run); len(runs) == 20 && j+1 < len(ids) {
			return strings.Join(runs, ", ") + " … " + plural(len(ids), "partition", "partitions")
		}
		i = j + 1
	}
	return strings.Join(runs, ", ")
}

func committed(o catalog.GroupOffset) string {
	if o.Committed < 0 {
		return "nothing yet"
	}
	return number(o.Committed)
}

// end is one past the last offset of the partition that o is of, or unknown.
func end(t *catalog.TopicDetail, o catalog.GroupOffset) string {
	if i := slices.IndexFunc(t.Partitions, func(p catalog.Partition) bool { return p.ID == o.Partition }); i >= 0 && t.Partitions[i].Problem == "" {
		return number(t.Partitions[i].End)
	}
	return unknown
}

// shareRead says how much of what a partition keeps the group has read.
func shareRead(t *catalog.TopicDetail, o catalog.GroupOffset) string {
	i := slices.IndexFunc(t.Partitions, func(p catalog.Partition) bool { return p.ID == o.Partition })
	if i < 0 || t.Partitions[i].Problem != "" {
		return unknown
	}
	kept := t.Partitions[i].End - t.Partitions[i].Start
	if kept <= 0 {
		return "–"
	}
	return percent(max(0, kept-max(0, o.Lag)), kept)
}
