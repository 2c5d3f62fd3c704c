package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/web/ui"
)

func TestTopicOverview(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	doc := s.page("/d/events/orders")
	wantText(t, doc, ".stats", "Partitions63 are not well, 3 replicas each")
	wantText(t, doc, ".stats", "Kept7 days")
	wantText(t, doc, ".stats", "Largest lag8,400 of archive, which nobody reads for")
	if href := doc.Find(".stat .sub a").AttrOr("href", ""); href != "/d/events/orders/consumers?group=archive" {
		t.Errorf("the largest lag leads to %q", href)
	}
	wantText(t, doc, ".facts", "delete: old messages go")
	wantText(t, doc, ".facts", "3 replicas, 2 in sync at least")
	wantText(t, doc, ".callout.warn", "Sizes of broker 3 are not known")
	wantText(t, doc, ".sec-head", "Messages per hour")
	if n := doc.Find("svg.chart rect.col").Length(); n != 48 {
		t.Errorf("%d hours are drawn, want 48", n)
	}
	if n := doc.Find("svg.chart rect.col.part").Length(); n != 1 {
		t.Errorf("%d hours are drawn as not over yet, want the last", n)
	}
	wantText(t, doc, "table.columns .group", "Value of the messages, from events-registry orders-value")
	empty := s.page("/d/events/empty")
	wantText(t, empty, ".stats", "Keptnewest by key")
	wantText(t, empty, "main", "No data has been written yet")
}

func TestPartitionsInTroubleComeFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	doc := s.page("/d/events/orders/partitions")
	wantText(t, doc, ".toolbar", "Of 6 partitions, 1 without a leader, so neither read nor written; 1 with fewer replicas in sync than a safe write needs; 1 under-replicated.")
	for i, want := range []string{"Partition 4 No leader none 1, 2, 3 none", "Partition 5 Too few in sync 3", "Partition 2 Under-replicated", "Partition 0 In sync 1 1, 2, 3 1, 2, 3 1,000 1,400 400 80 KiB"} {
		row := doc.Find("main tbody tr").Eq(i).Find("th, td").Map(func(_ int, cell *selection) string { return strings.Join(strings.Fields(cell.Text()), " ") })
		if got := strings.Join(row, " "); !strings.HasPrefix(got, want) {
			t.Errorf("row %d reads %q, want %q", i, got, want)
		}
	}
	if n := s.page("/d/events/orders/partitions?show=unwell").Find("main tbody tr").Length(); n != 3 {
		t.Errorf("%d partitions are not well, want 3", n)
	}
}

func TestConsumersOfATopic(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	doc := s.page("/d/events/orders/consumers")
	wantText(t, doc, ".head-sub", "3 consumer groups have read it; 1 reads now, 2 without members, 8,400 of about 8,400 messages behind at most.")
	names := doc.Find("main tbody th").Map(func(_ int, th *selection) string { return strings.TrimSpace(th.Text()) })
	if diff := cmp.Diff([]string{"archive", "billing", "secret"}, names); diff != "" {
		t.Errorf("groups by lag (-want +got):\n%s", diff)
	}
	wantText(t, doc, "main tbody tr:nth-child(2)", "Stable")
	wantText(t, doc, "main tbody tr:nth-child(2)", "billing-a, billing-b")
	wantText(t, doc, "main tbody tr:nth-child(3)", "may not describe this group")
	group := s.page(doc.Find("main tbody a").Eq(1).AttrOr("href", ""))
	wantText(t, group, "[aria-labelledby=h-members]", "/10.0.0.7")
	wantText(t, group, "[aria-labelledby=h-members]", "0–2")
	late := s.page("/d/events/orders/consumers?group=archive")
	wantText(t, late, "[aria-labelledby=h-lag] tbody tr:first-child", "Partition 11,0001,8008,000")
	wantText(t, late, "[aria-labelledby=h-lag] tbody", "nothing yet")
	wantText(t, late, "main", "Nobody reads for this group now")
	wantText(t, s.page("/d/events/empty/consumers"), ".empty", "No consumer group reads it")
	wantText(t, s.page("/d/events/orders/consumers?group=none"), "main > .callout", "There was no consumer group “none” at the last crawl.")
}

func TestKeptFor(t *testing.T) {
	t.Parallel()
	for ms, want := range map[int64]string{
		-1: "for ever", 0: "0 ms", 250: "250 ms", 1000: "1 second", 5_400_000: "90 minutes", 604_800_000: "7 days", 3_600_001: "about 60 min",
		1<<63 - 1: "about 139 years",
	} {
		if got := keptFor(&ms); got != want {
			t.Errorf("%d ms is kept %q, want %q", ms, got, want)
		}
	}
	if got := keptFor(nil); got != unknown {
		t.Errorf("what is not known is kept %q", got)
	}
}

func TestStateOfAGroup(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]ui.Tone{"Stable": ui.Good, "Empty": ui.Muted, "PreparingRebalance": ui.Live, "Reconciling": ui.Live, "Dead": ui.Bad, "": ui.Muted, "New": ui.Info} {
		tone, text := groupState(&catalog.GroupOnTopic{State: state})
		if tone != want || text == "" {
			t.Errorf("%q is shown as %q %q, want %q", state, tone, text, want)
		}
	}
}

// large is a topic and its schemas as large as anything that a connector keeps.
func large(now time.Time) (catalog.Observation, []catalog.Observation) {
	topic := ordersTopic(now)
	d := topic.Detail.Topic
	d.Partitions, d.Groups = nil, nil
	for i := range int32(10_000) {
		d.Partitions = append(d.Partitions, catalog.Partition{ID: i, Leader: 1, Replicas: []int32{1, 2, 3}, InSync: []int32{1, 2, 3}, End: 100, Bytes: new(int64(4096))})
	}
	for i := range 500 {
		g := catalog.GroupOnTopic{Name: fmt.Sprintf("group-%03d", i), State: "Stable", Protocol: "classic", Lag: new(int64(i))}
		for j := range int32(20) {
			g.Offsets = append(g.Offsets, catalog.GroupOffset{Partition: j, Committed: 50, Lag: 50})
			g.Members = append(g.Members, catalog.GroupMember{ClientID: fmt.Sprintf("client-%d", j), Host: "/10.0.0.1", Partitions: []int32{j}})
		}
		d.Groups = append(d.Groups, g)
	}
	all := subjects()
	value := all[0].Detail.Schema
	value.Versions, value.Part = nil, "value"
	for v := 50; v > 0; v-- {
		var fields []string
		for i := range 3500 {
			fields = append(fields, fmt.Sprintf(`{"name":"field_%d_%d","type":["null","string"],"default":null}`, i, i%50/v))
		}
		value.Versions = append(value.Versions, catalog.SchemaVersion{Version: v, ID: v, Text: `{"type":"record","name":"Order","fields":[` + strings.Join(fields, ",") + `]}`})
	}
	return topic, all
}

// However much there is, a page stays small enough to load and is made in time.
func TestLargeTopicsStaySmallPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.source(catalog.Source{Slug: "events", Kind: "kafka", CrawlEvery: time.Hour})
	s.source(catalog.Source{Slug: "events-registry", Kind: "schemaregistry", CrawlEvery: time.Hour})
	topic, schemas := large(s.now)
	s.crawlOf("events", scopesOf{"": {topic}})
	s.crawlOf("events-registry", scopesOf{".": schemas})
	for _, tab := range []string{"", "/partitions", "/partitions?offset=9800", "/consumers", "/consumers?group=group-001", "/schemas", "/schemas?version=7", "/columns", "/history"} {
		began := time.Now()
		a := s.do(http.MethodGet, "/d/events/orders"+tab)
		took := time.Since(began)
		t.Logf("%-30s %6d KiB in %v", tab, len(a.body)>>10, took)
		if a.StatusCode != http.StatusOK || len(a.body) > 600<<10 {
			t.Errorf("%s = %d with %d KiB", tab, a.StatusCode, len(a.body)>>10)
		}
	}
	wantText(t, s.page("/d/events/orders/partitions?offset=9800"), ".pager", "9,801–10,000 of 10,000 partitions")
	wantText(t, s.page("/d/events/orders/schemas"), "main", "Only the beginning is shown and copied.")
}
