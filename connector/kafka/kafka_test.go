package kafka_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"portreeve/catalog"
	"portreeve/catalog/catalogtest"
	"portreeve/connector/kafka"
	"portreeve/fault"
	"portreeve/test/stack"
)

// TestCrawler runs the conformance suite on the real broker.
func TestCrawler(t *testing.T) {
	t.Parallel()
	broker := stack.Of(t).Kafka
	prefix := own("suite")
	connection := connect(t, map[string]string{"brokers": broker, "include": prefix + "*"})
	catalogtest.Crawler(t, catalogtest.Fixture{
		Connection: connection,
		System:     &system{prefix: prefix, client: client(t, broker)},
		Flat:       "topics",
		Kind:       catalog.Topic,
		Name:       func(scope, name string) string { return prefix + scope + "." + name },
		OddNames:   []string{"with.dot", "-dash-", "..", "_under", "UPPER", "upper", "9", strings.Repeat("x", 249-len(prefix)-17)},
		Versions:   true, Appends: true,
		NoColumns: true, Unbreakable: true,
	})
}

// system changes topics as people would, by Kafka's own requests.
type system struct {
	prefix string
	client *kgo.Client
}

func (s *system) name(scope, name string) string { return s.prefix + scope + "." + name }

func (*system) CreateScope(testing.TB, string) {}

func (s *system) Create(tb testing.TB, scope, name string, _ catalogtest.Table) {
	tb.Helper()
	create(tb, s.client, s.name(scope, name), 1, nil)
}

func (s *system) Drop(tb testing.TB, scope, name string) {
	tb.Helper()
	must(tb, func(ctx context.Context) error {
		_, err := kadm.NewClient(s.client).DeleteTopic(ctx, s.name(scope, name))
		return err
	})
	await(tb, s.client, s.name(scope, name), false)
}

func (s *system) Append(tb testing.TB, scope, name string, ids ...int64) {
	tb.Helper()
	records := make([]*kgo.Record, len(ids))
	for i, id := range ids {
		records[i] = &kgo.Record{Topic: s.name(scope, name), Value: binary.BigEndian.AppendUint64(nil, uint64(id))}
	}
	produce(tb, s.client, records...)
}

func (s *system) Overwrite(tb testing.TB, scope, name string, ids ...int64) {
	tb.Helper()
	deleteRecords(tb, s.client, s.name(scope, name))
	s.Append(tb, scope, name, ids...)
}

func (*system) AddColumn(tb testing.TB, _, _ string, _ catalogtest.Column) {
	tb.Helper()
	tb.Fatal("a topic has no columns")
}

func (*system) Rename(tb testing.TB, _, _, _ string) {
	tb.Helper()
	tb.Fatal("a topic cannot be renamed")
}

func (*system) Break(tb testing.TB, _, _ string) {
	tb.Helper()
	tb.Fatal("a topic cannot be broken")
}

// own makes a prefix of names that no other test or run uses.
func own(what string) string { return fmt.Sprintf("pt-%s-%d-", what, time.Now().UnixNano()) }

// connect opens a source; the test fails if it cannot.
func connect(tb testing.TB, config map[string]string) catalog.Connection {
	tb.Helper()
	connection, err := kafka.Connector().Open(tb.Context(), catalog.Source{Slug: "events", Kind: "kafka", Config: config})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { connection.Close() })
	return connection
}

// client is one to change the cluster with.
func client(tb testing.TB, broker string, more ...kgo.Opt) *kgo.Client {
	tb.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(broker), kgo.MetadataMinAge(10 * time.Millisecond)}, more...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

func must(tb testing.TB, do func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := do(ctx); err != nil {
		tb.Fatal(err)
	}
}

// create makes a topic that goes away with the test.
func create(tb testing.TB, c *kgo.Client, name string, partitions int32, configs map[string]*string) {
	tb.Helper()
	admin := kadm.NewClient(c)
	must(tb, func(ctx context.Context) error {
		_, err := admin.CreateTopic(ctx, partitions, 1, configs, name)
		return err
	})
	await(tb, c, name, true)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		admin.DeleteTopics(ctx, name)
	})
}

// await waits until a broker knows of a topic that the controller has made, or no longer of one that it has deleted.
func await(tb testing.TB, c *kgo.Client, name string, there bool) {
	tb.Helper()
	admin := kadm.NewClient(c)
	must(tb, func(ctx context.Context) error {
		for ctx.Err() == nil {
			ends, err := admin.ListEndOffsets(ctx, name)
			if (err == nil && ends.Error() == nil) == there {
				return nil
			}
		}
		return ctx.Err()
	})
}

func produce(tb testing.TB, c *kgo.Client, records ...*kgo.Record) {
	tb.Helper()
	must(tb, func(ctx context.Context) error { return c.ProduceSync(ctx, records...).FirstErr() })
}

func deleteRecords(tb testing.TB, c *kgo.Client, topic string) {
	tb.Helper()
	admin := kadm.NewClient(c)
	must(tb, func(ctx context.Context) error {
		ends, err := admin.ListEndOffsets(ctx, topic)
		if err != nil {
			return err
		}
		done, err := admin.DeleteRecords(ctx, ends.Offsets())
		if err != nil {
			return err
		}
		return done.Error()
	})
}

// crawl returns all that a source says, by name; no error may come.
func crawl(tb testing.TB, connection catalog.Connection, known catalog.Known) map[string]catalog.Observation {
	tb.Helper()
	seen := map[string]catalog.Observation{}
	for o, err := range connection.Crawler.Datasets(tb.Context(), "topics", known) {
		if err != nil {
			tb.Fatalf("%s: %v (%s)", o.Name, err, fault.Message(err))
		}
		seen[o.Name] = o
	}
	return seen
}

// shown is a topic's detail for a failure's text.
func shown(o catalog.Observation) string {
	text, _ := json.MarshalIndent(o, "", " ")
	return string(text)
}

// commitAll commits the offset 0 of all partitions for a group of the topic's name.
func commitAll(tb testing.TB, c *kgo.Client, topic string, partitions int32) {
	tb.Helper()
	offsets := kadm.Offsets{}
	for p := range partitions {
		offsets.AddOffset(topic, p, 0, -1)
	}
	must(tb, func(ctx context.Context) error { return kadm.NewClient(c).CommitAllOffsets(ctx, topic, offsets) })
}

// awaitEnd waits until the first partition of a topic ends at an offset.
func awaitEnd(tb testing.TB, c *kgo.Client, topic string, end int64) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 30*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		offsets, err := kadm.NewClient(c).ListEndOffsets(ctx, topic)
		if o, ok := offsets.Lookup(topic, 0); err == nil && ok && o.Offset >= end {
			return
		}
	}
	tb.Fatalf("%s does not come to the offset %d", topic, end)
}
