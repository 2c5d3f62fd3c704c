package kafka_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"portreeve/catalog"
)

// TestManyTopics crawls 10,000 topics of one partition, some of them busy, with few requests and little memory.
func TestManyTopics(t *testing.T) {
	t.Parallel()
	const topics = 10_000
	names := make([]string, topics)
	for i := range names {
		names[i] = fmt.Sprintf("domain-%d.topic-%05d", i%50, i)
	}
	cluster, broker := fake(t, kfake.SeedTopics(1, names...))
	c := client(t, broker)
	var records []*kgo.Record
	for i := 0; i < topics; i += 7 { // a record every six hours in every seventh
		for hours := range 8 {
			records = append(records, &kgo.Record{Topic: names[i], Timestamp: time.Now().Add(-time.Duration(6*hours) * time.Hour)})
		}
	}
	produce(t, c, records...)
	var requests atomic.Int32
	cluster.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		requests.Add(1)
		return nil, nil, false
	})
	connection := connect(t, map[string]string{"brokers": broker})
	known := catalog.Known{}
	for _, round := range []struct {
		name     string
		requests int32
	}{{"first", 50 * 60}, {"unchanged", 50 * 8}} {
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		requests.Store(0)
		began, seen, unchanged, most := time.Now(), 0, 0, uint64(0)
		for o, err := range connection.Crawler.Datasets(t.Context(), "topics", known) {
			if err != nil {
				t.Fatal(err)
			}
			if o.Unchanged {
				unchanged++
			} else {
				known[o.Name] = o.Version
			}
			if seen++; seen%500 == 0 {
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
		}
		t.Logf("%s crawl: %v, %d requests, heap %d MiB before and %d MiB at most, broker included",
			round.name, time.Since(began), requests.Load(), before.HeapAlloc>>20, most>>20)
		if want := map[string]int{"first": 0, "unchanged": topics}[round.name]; seen != topics || unchanged != want {
			t.Errorf("%s crawl: %d topics, %d unchanged; want %d and %d", round.name, seen, unchanged, topics, want)
		}
		if requests.Load() > round.requests {
			t.Errorf("%s crawl: %d requests, want at most %d", round.name, requests.Load(), round.requests)
		}
	}
}

// TestWideTopic crawls a topic of 10,000 partitions that a group reads.
func TestWideTopic(t *testing.T) {
	t.Parallel()
	const partitions = 10_000
	_, broker := fake(t, kfake.SeedTopics(partitions, "wide"))
	c := client(t, broker, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	produce(t, c, &kgo.Record{Topic: "wide", Partition: partitions - 1}, &kgo.Record{Topic: "wide", Partition: partitions - 1})
	commitAll(t, c, "wide", partitions)
	began := time.Now()
	o := crawl(t, connect(t, map[string]string{"brokers": broker}), nil)["wide"]
	text, err := json.Marshal(o.Detail)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v, %d KiB of JSON", time.Since(began), len(text)>>10)
	d := o.Detail.Topic
	if *o.RowCount != 2 || len(d.Partitions) != 1000 || len(text) > 1<<20 {
		t.Errorf("%d rows, %d partitions, %d bytes of JSON", *o.RowCount, len(d.Partitions), len(text))
	}
	if len(d.Groups) != 1 || len(d.Groups[0].Offsets) != 5000 || d.Groups[0].Lag == nil || *d.Groups[0].Lag != 2 {
		t.Errorf("%d groups, the lag of the first is wrong", len(d.Groups))
	}
	for _, want := range []string{"of 10000 partitions 1000 are shown", "volume by hour is not told", "not all of its 1 consumer groups"} {
		if notes := strings.Join(d.Notes, "\n"); !strings.Contains(notes, want) {
			t.Errorf("the notes lack %q:\n%s", want, notes)
		}
	}
}
