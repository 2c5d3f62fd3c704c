package kafka_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/test/stack"
)

// TestShareGroup reads a share group (KIP-932), which has no committed offsets.
func TestShareGroup(t *testing.T) {
	t.Parallel()
	_, inProcess := fake(t)
	for name, broker := range map[string]string{"real": stack.Of(t).Kafka, "fake": inProcess} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topic := own("share")
			c := client(t, broker)
			create(t, c, topic, 2, nil)
			produce(t, c, &kgo.Record{Topic: topic}, &kgo.Record{Topic: topic})
			t.Cleanup(func() { kadm.NewClient(c).DeleteGroups(context.Background(), topic+"-group") })
			member := client(t, broker, kgo.ClientID("sharer"), kgo.ShareGroup(topic+"-group"), kgo.ConsumeTopics(topic))
			ctx, stop := context.WithCancel(t.Context())
			t.Cleanup(stop)
			go func() {
				for ctx.Err() == nil {
					member.PollFetches(ctx)
				}
			}()
			connection := connect(t, map[string]string{"brokers": broker, "include": topic})
			for deadline := time.Now().Add(20 * time.Second); ; {
				o := crawl(t, connection, nil)[topic]
				if g := o.Detail.Topic.Groups; len(g) == 1 && len(g[0].Members) == 1 && len(g[0].Members[0].Partitions) == 2 {
					if g[0].Protocol != "share" || g[0].State != "Stable" || g[0].Members[0].ClientID != "sharer" {
						t.Errorf("the share group: %s", shown(o))
					}
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("the share group is not there: %s", shown(o))
				}
			}
		})
	}
}

// TestOldBroker reads a broker that knows neither topic ids, nor newest records, nor types of groups.
func TestOldBroker(t *testing.T) {
	t.Parallel()
	_, broker := fake(t, kfake.MaxVersions(kversion.V2_4_0()), kfake.SeedTopics(1, "orders"))
	c := client(t, broker)
	produce(t, c, &kgo.Record{Topic: "orders"}, &kgo.Record{Topic: "orders"})
	commitAll(t, c, "orders", 1)
	o := crawl(t, connect(t, map[string]string{"brokers": broker}), nil)["orders"]
	d := o.Detail.Topic
	if *o.RowCount != 2 || o.NativeID != "" || o.DataAt != nil || len(d.Notes) == 0 {
		t.Errorf("want 2 rows, no id, no time and a note: %s", shown(o))
	}
	if len(d.Groups) != 1 || d.Groups[0].Protocol != "classic" || d.Groups[0].Lag == nil || *d.Groups[0].Lag != 2 {
		t.Errorf("groups: %s", shown(o))
	}
	if last := d.Volume[len(d.Volume)-1]; last.Rows != 2 {
		t.Errorf("volume: %s", shown(o))
	}
}

// TestClocks produces records whose producers did not know the time.
func TestClocks(t *testing.T) {
	t.Parallel()
	_, broker := fake(t, kfake.SeedTopics(1, "future", "none"))
	produce(t, client(t, broker),
		&kgo.Record{Topic: "future", Timestamp: time.UnixMicro(time.Now().UnixMicro() * 1000)}, // microseconds taken for milliseconds
		&kgo.Record{Topic: "none", Timestamp: time.UnixMilli(0)},
	)
	seen := crawl(t, connect(t, map[string]string{"brokers": broker}), nil)
	for name, notes := range map[string]int{"future": 1, "none": 0} {
		if o := seen[name]; o.DataAt != nil || *o.RowCount != 1 || len(o.Detail.Topic.Notes) != notes {
			t.Errorf("%s: %s", name, shown(o))
		}
	}
}

// TestRefusedTopic has one topic that cannot be described, one that is gone when it comes to it, and a good one.
func TestRefusedTopic(t *testing.T) {
	t.Parallel()
	cluster, broker := fake(t, kfake.SeedTopics(1, "good", "gone", "refused"))
	connection := connect(t, map[string]string{"brokers": broker})
	cluster.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		asked := request.(*kmsg.MetadataRequest)
		if len(asked.Topics) != 3 {
			return nil, nil, false
		}
		go cluster.DeleteTopic("gone")
		response := asked.ResponseKind().(*kmsg.MetadataResponse)
		for name, code := range map[string]int16{"refused": kerr.TopicAuthorizationFailed.Code, "gone": kerr.UnknownTopicOrPartition.Code, "good": 0} {
			one := kmsg.NewMetadataResponseTopic()
			one.Topic, one.ErrorCode = &name, code
			response.Topics = append(response.Topics, one)
		}
		return response, nil, true
	})
	seen, failed := map[string]catalog.Observation{}, map[string]error{}
	for o, err := range connection.Crawler.Datasets(t.Context(), "topics", nil) {
		if seen[o.Name] = o; err != nil {
			failed[o.Name] = err
		}
	}
	if _, gone := seen["gone"]; gone || len(seen) != 2 || len(failed) != 1 || fault.KindOf(failed["refused"]) != fault.Forbidden {
		t.Errorf("%d topics, errors %v", len(seen), failed)
	}
}

// TestHangingGroups has brokers that never answer about groups: the topics come all the same.
func TestHangingGroups(t *testing.T) {
	t.Parallel()
	cluster, broker := fake(t, kfake.SeedTopics(1, "orders"))
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	cluster.ControlKey(int16(kmsg.ListGroups), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		cluster.SleepControl(func() { <-done })
		return nil, nil, false
	})
	o := crawl(t, connect(t, map[string]string{"brokers": broker, "timeout": "2s"}), nil)["orders"]
	if o.RowCount == nil || len(o.Detail.Topic.Notes) != 1 {
		t.Errorf("want rows and one note: %s", shown(o))
	}
}

// TestLeastRights crawls as a user that may describe one topic and nothing else.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	_, broker := fake(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.SeedTopics(1, "mine", "theirs"),
		kfake.Superuser("PLAIN", "admin", "admin"),
		kfake.User("PLAIN", "reader", "secret", kfake.ACL{
			Resource: kmsg.ACLResourceTypeTopic, Name: "mine", Pattern: kmsg.ACLResourcePatternTypeLiteral,
			Operation: kmsg.ACLOperationDescribe, Allow: true,
		}))
	admin := client(t, broker, kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism()))
	produce(t, admin, &kgo.Record{Topic: "mine"})
	commitAll(t, admin, "mine", 1)
	connection := connect(t, map[string]string{"brokers": broker, "sasl": "plain", "user": "reader", "password": "secret", "tls": "false"})
	seen := crawl(t, connection, nil)
	o := seen["mine"]
	if len(seen) != 1 || o.RowCount == nil || *o.RowCount != 1 || o.DataAt == nil || o.ByteCount != nil || len(o.Detail.Topic.Configs) > 0 {
		t.Fatalf("%d topics, want mine only, with rows and without bytes: %s", len(seen), shown(o))
	}
	notes := strings.Join(o.Detail.Topic.Notes, "\n")
	for _, want := range []string{"the bytes are unknown: the user reader may not", "the configuration is unknown: the user reader may not"} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes lack %q:\n%s", want, notes)
		}
	}
	var hidden error
	for o, err := range connection.Crawler.Datasets(t.Context(), "topics", catalog.Known{"theirs": "1:x", "mine": "1:x"}) {
		if o.Name == "theirs" {
			hidden = err
		}
	}
	if fault.KindOf(hidden) != fault.Forbidden {
		t.Errorf("a known topic that is hidden now: error %v, want Forbidden: it may not pass for gone", hidden)
	}
	if found, err := connection.Crawler.Has(t.Context(), "theirs"); found || fault.KindOf(err) != fault.Forbidden {
		t.Errorf("Has(theirs) = %v, %v; want Forbidden", found, err)
	}
}
