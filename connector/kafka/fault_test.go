package kafka_test

import (
	"context"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"portreeve/catalog"
	"portreeve/fault"
)

// fake starts a broker in this process, for what a real one cannot be made to do.
func fake(tb testing.TB, options ...kfake.Opt) (*kfake.Cluster, string) {
	tb.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, options...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(cluster.Close)
	return cluster, cluster.ListenAddrs()[0]
}

// refuse answers every request of a kind with an error.
func refuse(cluster *kfake.Cluster, key int16, answer func(kmsg.Request) kmsg.Response) {
	cluster.ControlKey(key, func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return answer(request), nil, true
	})
}

// TestWhatIsDeniedIsNoted takes one right after another away. The topic must be there each time, with what is still known.
func TestWhatIsDeniedIsNoted(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		key   int16
		deny  func(kmsg.Request) kmsg.Response
		note  string
		check func(catalog.Observation) bool
	}{
		{"sizes", int16(kmsg.DescribeLogDirs), func(r kmsg.Request) kmsg.Response {
			response := r.ResponseKind().(*kmsg.DescribeLogDirsResponse)
			response.ErrorCode = kerr.ClusterAuthorizationFailed.Code
			return response
		}, "the bytes are unknown: the user ANONYMOUS may not", func(o catalog.Observation) bool { return o.ByteCount == nil && *o.RowCount == 3 }},
		{"configs", int16(kmsg.DescribeConfigs), func(r kmsg.Request) kmsg.Response {
			response := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
			for _, asked := range r.(*kmsg.DescribeConfigsRequest).Resources {
				one := kmsg.NewDescribeConfigsResponseResource()
				one.ResourceType, one.ResourceName, one.ErrorCode = asked.ResourceType, asked.ResourceName, kerr.TopicAuthorizationFailed.Code
				response.Resources = append(response.Resources, one)
			}
			return response
		}, "the configuration is unknown: the user ANONYMOUS may not", func(o catalog.Observation) bool {
			return *o.RowCount == 3 && slices.Equal(o.Estimated, []string{"rows"}) && o.Detail.Topic.CleanupPolicy == ""
		}},
		{"groups", int16(kmsg.ListGroups), func(r kmsg.Request) kmsg.Response {
			response := r.ResponseKind().(*kmsg.ListGroupsResponse)
			response.ErrorCode = kerr.GroupAuthorizationFailed.Code
			return response
		}, "not all consumer groups are known: the user ANONYMOUS may not", func(o catalog.Observation) bool { return *o.RowCount == 3 && *o.ByteCount > 0 }},
		{"one group", int16(kmsg.OffsetFetch), func(r kmsg.Request) kmsg.Response {
			response := r.ResponseKind().(*kmsg.OffsetFetchResponse)
			for _, asked := range r.(*kmsg.OffsetFetchRequest).Groups {
				one := kmsg.NewOffsetFetchResponseGroup()
				one.Group, one.ErrorCode = asked.Group, kerr.GroupAuthorizationFailed.Code
				response.Groups = append(response.Groups, one)
			}
			return response
		}, "1 consumer groups are not shown whole: the user ANONYMOUS may not", func(o catalog.Observation) bool { return *o.RowCount == 3 }},
		{"offsets", int16(kmsg.ListOffsets), func(r kmsg.Request) kmsg.Response {
			response := r.ResponseKind().(*kmsg.ListOffsetsResponse)
			for _, asked := range r.(*kmsg.ListOffsetsRequest).Topics {
				one := kmsg.NewListOffsetsResponseTopic()
				one.Topic = asked.Topic
				for _, p := range asked.Partitions {
					told := kmsg.NewListOffsetsResponseTopicPartition()
					told.Partition, told.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
					one.Partitions = append(one.Partitions, told)
				}
				response.Topics = append(response.Topics, one)
			}
			return response
		}, "the number of records is unknown", func(o catalog.Observation) bool {
			return o.RowCount == nil && *o.ByteCount > 0 && o.DataAt == nil && o.Detail.Topic.Volume == nil &&
				strings.Contains(o.Detail.Topic.Partitions[0].Problem, "may not")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cluster, broker := fake(t, kfake.SeedTopics(1, "orders"))
			produce(t, client(t, broker), &kgo.Record{Topic: "orders"}, &kgo.Record{Topic: "orders"}, &kgo.Record{Topic: "orders"})
			commitAll(t, client(t, broker), "orders", 1)
			refuse(cluster, tt.key, tt.deny)
			o := crawl(t, connect(t, map[string]string{"brokers": broker, "timeout": "2s"}), nil)["orders"]
			if notes := strings.Join(o.Detail.Topic.Notes, "\n"); !strings.Contains(notes, tt.note) || !tt.check(o) {
				t.Errorf("want the note %q:\n%s", tt.note, shown(o))
			}
		})
	}
}

// TestPartitionTrouble tries a partition without a leader, and one that has too few replicas in sync.
func TestPartitionTrouble(t *testing.T) {
	t.Parallel()
	cluster, broker := fake(t, kfake.SeedTopics(2, "orders"))
	two := "2"
	if err := cluster.CreateTopic("safe", 1, map[string]string{"min.insync.replicas": two}); err != nil {
		t.Fatal(err)
	}
	cluster.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		asked := request.(*kmsg.MetadataRequest)
		if len(asked.Topics) == 0 {
			return nil, nil, false
		}
		response := asked.ResponseKind().(*kmsg.MetadataResponse)
		host, port, _ := net.SplitHostPort(broker)
		b := kmsg.NewMetadataResponseBroker()
		number, _ := net.LookupPort("tcp", port)
		b.Host, b.Port = host, int32(number)
		response.Brokers = append(response.Brokers, b)
		for _, topic := range asked.Topics {
			one := kmsg.NewMetadataResponseTopic()
			one.Topic = topic.Topic
			if one.TopicID = [16]byte{1}; *topic.Topic == "__transaction_state" {
				one.ErrorCode = kerr.UnknownTopicOrPartition.Code
			}
			for id := range int32(2) {
				p := kmsg.NewMetadataResponseTopicPartition()
				p.Partition, p.Replicas, p.ISR = id, []int32{0}, []int32{0}
				if *topic.Topic == "orders" && id == 1 {
					p.Leader, p.ISR, p.ErrorCode = -1, nil, kerr.LeaderNotAvailable.Code
				}
				if *topic.Topic == "orders" || id == 0 {
					one.Partitions = append(one.Partitions, p)
				}
			}
			response.Topics = append(response.Topics, one)
		}
		return response, nil, true
	})
	seen := crawl(t, connect(t, map[string]string{"brokers": broker, "timeout": "3s"}), nil)
	orders := seen["orders"]
	if p := orders.Detail.Topic.Partitions; len(p) != 2 || p[0].Problem != "" || !strings.Contains(p[1].Problem, "no leader") || orders.RowCount != nil {
		t.Errorf("a partition without a leader: %s", shown(orders))
	}
	if p := seen["safe"].Detail.Topic.Partitions; len(p) != 1 || !strings.Contains(p[0].Problem, "min.insync.replicas is 2") {
		t.Errorf("too few replicas in sync: %s", shown(seen["safe"]))
	}
}

// TestBrokerGoesAway loses the broker in the middle of the stream: it must end with an error, and soon.
func TestBrokerGoesAway(t *testing.T) {
	t.Parallel()
	names := make([]string, 450) // three batches
	for i := range names {
		names[i] = "topic-" + string(rune('a'+i%26)) + "-" + big.NewInt(int64(i)).String()
	}
	cluster, broker := fake(t, kfake.SeedTopics(1, names...))
	connection := connect(t, map[string]string{"brokers": broker, "timeout": "2s"})
	seen, began := 0, time.Now()
	var last error
	for o, err := range connection.Crawler.Datasets(t.Context(), "topics", nil) {
		if last = err; err == nil {
			seen++
		} else if o.Name != "" {
			t.Errorf("the loss is told of %s only", o.Name)
		}
		if seen == 1 {
			cluster.Close()
		}
	}
	if seen >= len(names) || fault.KindOf(last) != fault.Unavailable || fault.Message(last) == "" || time.Since(began) > 60*time.Second {
		t.Errorf("%d topics, then %v after %v; want Unavailable", seen, last, time.Since(began))
	}
}

// TestStream leaves a stream early and cancels another between two topics.
func TestStream(t *testing.T) {
	t.Parallel()
	_, broker := fake(t, kfake.SeedTopics(1, "a", "b", "c"))
	connection := connect(t, map[string]string{"brokers": broker})
	for range connection.Crawler.Datasets(t.Context(), "topics", nil) {
		break // a stream that goes on after this panics
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	elements := 0
	var last error
	for _, err := range connection.Crawler.Datasets(ctx, "topics", nil) {
		elements++
		last = err
		cancel()
	}
	if elements != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d elements, the last error %v; want one topic and that it was cancelled", elements, last)
	}
}

// TestOneBrokerHangs has one of two brokers take requests and not answer them: what the other leads is told, and soon.
func TestOneBrokerHangs(t *testing.T) {
	t.Parallel()
	names := make([]string, 450) // three batches
	for i := range names {
		names[i] = "topic-" + big.NewInt(int64(1000+i)).String()
	}
	cluster, broker := fake(t, kfake.NumBrokers(2), kfake.SeedTopics(1, names...))
	connection := connect(t, map[string]string{"brokers": broker, "timeout": "2s"})
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	for _, key := range []kmsg.Key{kmsg.ListOffsets, kmsg.DescribeLogDirs, kmsg.ListGroups} {
		cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			if cluster.CurrentNode() == 1 {
				cluster.SleepControl(func() { <-done })
			}
			return nil, nil, false
		})
	}
	began := time.Now()
	seen := crawl(t, connection, nil)
	told, silent := 0, 0
	for _, name := range names {
		o, leader := seen[name], cluster.LeaderFor(name, 0)
		if p := o.Detail.Topic.Partitions[0]; (leader == 1) != strings.Contains(p.Problem, "broker 1 at 127.0.0.1:") || (leader == 1) == (o.RowCount != nil) {
			t.Fatalf("led by %d: %s", leader, shown(o))
		}
		if leader == 1 {
			silent++
		} else {
			told++
		}
	}
	if took := time.Since(began); told == 0 || silent == 0 || took > 60*time.Second {
		t.Errorf("%d topics were told of and %d not, in %v", told, silent, took)
	}
}
