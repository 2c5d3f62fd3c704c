package kafka_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"portreeve/catalog"
	"portreeve/test/stack"
)

func TestTopic(t *testing.T) {
	t.Parallel()
	broker := stack.Of(t).Kafka
	name := own("topic")
	c := client(t, broker, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	policy, retention, minISR := "delete", "7200000000", "1"
	create(t, c, name, 3, map[string]*string{"cleanup.policy": &policy, "retention.ms": &retention, "min.insync.replicas": &minISR})
	hour := time.Now().Truncate(time.Hour)
	newest := hour.Add(-90 * time.Minute)
	produce(t, c,
		&kgo.Record{Topic: name, Partition: 0, Timestamp: hour.Add(-300 * time.Hour), Value: []byte("old")},
		&kgo.Record{Topic: name, Partition: 0, Timestamp: hour.Add(-150 * time.Minute), Value: []byte("a")},
		&kgo.Record{Topic: name, Partition: 0, Timestamp: newest, Value: []byte("b")},
		&kgo.Record{Topic: name, Partition: 2, Timestamp: newest.Add(-time.Minute), Value: []byte("c")},
	)
	o := crawl(t, connect(t, map[string]string{"brokers": broker, "include": name}), nil)[name]
	if o.RowCount == nil || *o.RowCount != 4 || o.ByteCount == nil || *o.ByteCount != bytesOnDisk(t, c, name) {
		t.Errorf("rows and bytes are wrong; want 4 rows:\n%s", shown(o))
	}
	if o.DataAt == nil || !o.DataAt.Equal(newest) {
		t.Errorf("data at %v, want %v", o.DataAt, newest)
	}
	if o.Kind != catalog.Topic || o.Standing != catalog.Holds || len(o.NativeID) != 36 {
		t.Errorf("kind %s, standing %d, id %s", o.Kind, o.Standing, o.NativeID)
	}
	if id := o.Identifiers[0]; id.Namespace != "kafka://"+broker || id.Name != name {
		t.Errorf("identifier %+v", id)
	}
	d := o.Detail.Topic
	want := []catalog.Setting{{Name: "cleanup.policy", Value: policy}, {Name: "min.insync.replicas", Value: minISR}, {Name: "retention.ms", Value: retention}}
	if diff := cmp.Diff(want, d.Configs); diff != "" || d.CleanupPolicy != policy || d.MinInSync != 1 || *d.RetentionMS != 7200000000 ||
		d.RetentionBytes == nil || *d.RetentionBytes != -1 || d.Replication != 1 {
		t.Errorf("configs (-want +got):\n%s\n%s", diff, shown(o))
	}
	if len(d.Partitions) != 3 || d.Partitions[0].End != 3 || d.Partitions[1].End != 0 || d.Partitions[2].End != 1 {
		t.Errorf("partitions: %s", shown(o))
	}
	written := map[time.Time]int64{}
	for i, v := range d.Volume {
		if i > 0 && !v.From.Equal(d.Volume[i-1].To) {
			t.Errorf("a gap before %v", v.From)
		}
		written[v.From] = v.Rows
	}
	if len(d.Volume) != 48 || written[hour.UTC().Add(-3*time.Hour)] != 1 || written[hour.UTC().Add(-2*time.Hour)] != 2 || written[hour.UTC()] != 0 {
		t.Errorf("the volume is wrong: %s", shown(o))
	}
}

// TestRowsAreEstimated tries what makes offsets more than records.
func TestRowsAreEstimated(t *testing.T) {
	t.Parallel()
	broker := stack.Of(t).Kafka
	prefix := own("rows")
	compact := "compact"
	producer := client(t, broker, kgo.TransactionalID(prefix))
	create(t, producer, prefix+"compacted", 1, map[string]*string{"cleanup.policy": &compact})
	create(t, producer, prefix+"empty", 1, map[string]*string{"cleanup.policy": &compact})
	create(t, producer, prefix+"transacted", 1, nil)
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, producer, &kgo.Record{Topic: prefix + "compacted", Key: []byte("k")}, &kgo.Record{Topic: prefix + "transacted"})
	must(t, func(ctx context.Context) error { return producer.EndTransaction(ctx, kgo.TryCommit) })
	awaitEnd(t, producer, prefix+"transacted", 2) // the broker writes the marker after it has answered
	seen := crawl(t, connect(t, map[string]string{"brokers": broker, "include": prefix + "*"}), nil)
	for name, why := range map[string]string{"compacted": "compaction", "transacted": "transactions", "empty": ""} {
		o := seen[prefix+name]
		notes := strings.Join(o.Detail.Topic.Notes, "\n")
		if estimated := slices.Contains(o.Estimated, "rows"); estimated != (why != "") || !strings.Contains(notes, why) {
			t.Errorf("%s: estimated %v, notes %q; want %q", name, o.Estimated, notes, why)
		}
	}
	if o := seen[prefix+"transacted"]; *o.RowCount != 2 {
		t.Errorf("%d offsets, want a record and a marker", *o.RowCount)
	}
}

// TestUnchanged changes one thing after another: each must be seen, and nothing else.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	broker := stack.Of(t).Kafka
	prefix := own("unchanged")
	name := prefix + "orders"
	c := client(t, broker)
	create(t, c, name, 1, nil)
	create(t, c, prefix+"still", 1, nil)
	connection := connect(t, map[string]string{"brokers": broker, "include": prefix + "*"})
	admin := kadm.NewClient(c)
	known := catalog.Known{}
	see := func() {
		for name, o := range crawl(t, connection, nil) {
			known[name] = o.Version
		}
	}
	see()
	changes := []struct {
		what string
		do   func(context.Context) error
	}{
		{"a record", func(ctx context.Context) error { return c.ProduceSync(ctx, &kgo.Record{Topic: name}).FirstErr() }},
		{"a config", func(ctx context.Context) error {
			value := "123456789"
			_, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: "retention.ms", Value: &value}}, name)
			return err
		}},
		{"a committed offset", func(ctx context.Context) error {
			offsets := kadm.Offsets{}
			offsets.AddOffset(name, 0, 0, -1)
			t.Cleanup(func() { admin.DeleteGroups(context.Background(), prefix+"group") })
			return admin.CommitAllOffsets(ctx, prefix+"group", offsets)
		}},
		{"a partition", func(ctx context.Context) error {
			_, err := admin.CreatePartitions(ctx, 1, name)
			return err
		}},
		{"deleted records", func(ctx context.Context) error {
			ends, err := admin.ListEndOffsets(ctx, name)
			if err == nil {
				_, err = admin.DeleteRecords(ctx, ends.Offsets())
			}
			return err
		}},
		{"another topic of the name", func(ctx context.Context) error {
			if _, err := admin.DeleteTopic(ctx, name); err != nil {
				return err
			}
			_, err := admin.CreateTopic(ctx, 2, 1, nil, name)
			return err
		}},
	}
	for _, change := range changes {
		must(t, change.do)
		deadline := time.Now().Add(10 * time.Second) // a broker learns of a config or a partition a moment later
		for {
			again := crawl(t, connection, known)
			if !again[prefix+"still"].Unchanged {
				t.Errorf("%s made another topic look changed:\n%s", change.what, shown(again[prefix+"still"]))
			}
			if o, there := again[name]; there && !o.Unchanged {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s was not seen", change.what)
			}
		}
		see()
	}
}

func TestIncludeAndInternal(t *testing.T) {
	t.Parallel()
	broker := stack.Of(t).Kafka
	prefix := own("include")
	c := client(t, broker)
	for _, name := range []string{"orders", "orders.dlq", "users", "_schemas"} {
		create(t, c, prefix+name, 1, nil)
	}
	connection := connect(t, map[string]string{
		"brokers": broker, "include": prefix + "orders*\n" + prefix + "_schemas\n__*", "exclude": "*.dlq", "internal": "true", "groups": "false",
	})
	seen := crawl(t, connection, nil)
	for name, want := range map[string]bool{prefix + "orders": true, prefix + "orders.dlq": false, prefix + "users": false, prefix + "_schemas": true} {
		if _, found := seen[name]; found != want {
			t.Errorf("%s listed: %v, want %v", name, found, want)
		}
		if found, err := connection.Crawler.Has(t.Context(), name); err != nil || found != want {
			t.Errorf("Has(%s) = %v, %v; want %v", name, found, err, want)
		}
	}
	if o, found := seen["__consumer_offsets"]; found && !o.Detail.Topic.Internal {
		t.Error("__consumer_offsets is not called internal")
	}
	plain := crawl(t, connect(t, map[string]string{"brokers": broker, "include": "__*\n" + prefix + "users"}), nil)
	if len(plain) != 1 {
		t.Errorf("without internal there are %d topics, want users only", len(plain))
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	broker := stack.Of(t).Kafka
	name := own("groups")
	c := client(t, broker, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	create(t, c, name, 2, nil)
	for i := range 10 {
		produce(t, c, &kgo.Record{Topic: name, Partition: int32(i % 2), Value: fmt.Append(nil, i)})
	}
	join := func(group string, more ...kgo.Opt) {
		member := client(t, broker, append(more, kgo.ClientID(group+"-client"), kgo.ConsumerGroup(group), kgo.ConsumeTopics(name),
			kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
		must(t, func(ctx context.Context) error { return member.PollFetches(ctx).Err() })
	}
	admin := kadm.NewClient(c)
	commit := func(group string, partition int32, at int64) {
		must(t, func(ctx context.Context) error {
			offsets := kadm.Offsets{}
			offsets.AddOffset(name, partition, at, -1)
			return admin.CommitAllOffsets(ctx, group, offsets)
		})
	}
	t.Cleanup(func() { admin.DeleteGroups(context.Background(), name+"-empty") })
	for _, left := range []string{"-classic", "-consumer"} {
		t.Cleanup(func() { admin.DeleteGroups(context.Background(), name+left) })
	}
	join(name + "-classic")
	join(name+"-consumer", kgo.ServerSideBalancer())
	commit(name+"-empty", 0, 2)
	commit(name+"-empty", 1, 5)
	groups := map[string]catalog.GroupOnTopic{}
	o := crawl(t, connect(t, map[string]string{"brokers": broker, "include": name}), nil)[name]
	for _, g := range o.Detail.Topic.Groups {
		groups[strings.TrimPrefix(g.Name, name+"-")] = g
	}
	for _, protocol := range []string{"classic", "consumer"} {
		g := groups[protocol]
		if g.Protocol != protocol || g.State != "Stable" || g.Lag != nil || len(g.Members) != 1 {
			t.Fatalf("the group %s: %s", protocol, shown(o))
		}
		if m := g.Members[0]; m.ClientID != name+"-"+protocol+"-client" || m.Host != "127.0.0.1" || !slices.Equal(m.Partitions, []int32{0, 1}) {
			t.Errorf("its member: %+v", m)
		}
	}
	empty := groups["empty"]
	want := []catalog.GroupOffset{{Partition: 0, Committed: 2, Lag: 3}, {Partition: 1, Committed: 5, Lag: 0}}
	if diff := cmp.Diff(want, empty.Offsets); diff != "" || empty.State != "Empty" || empty.Lag == nil || *empty.Lag != 3 || empty.Problem != "" {
		t.Errorf("the empty group %+v (-want +got):\n%s", empty, diff)
	}
	deleteRecords(t, c, name)
	o = crawl(t, connect(t, map[string]string{"brokers": broker, "include": name}), nil)[name]
	at := slices.IndexFunc(o.Detail.Topic.Groups, func(g catalog.GroupOnTopic) bool { return g.Name == name+"-empty" })
	if at < 0 || !strings.Contains(o.Detail.Topic.Groups[at].Problem, "3 offsets were deleted before it read them") {
		t.Errorf("what the group lost is not told: %s", shown(o))
	}
}

// bytesOnDisk asks for the size of all logs of a topic that has one replica.
func bytesOnDisk(tb testing.TB, c *kgo.Client, topic string) (bytes int64) {
	tb.Helper()
	must(tb, func(ctx context.Context) error {
		dirs, err := kadm.NewClient(c).DescribeAllLogDirs(ctx, nil)
		dirs.Each(func(d kadm.DescribedLogDir) {
			for _, p := range d.Topics[topic] {
				bytes += p.Size
			}
		})
		return err
	})
	return bytes
}
