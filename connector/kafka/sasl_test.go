package kafka_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"portreeve/catalog"
	"portreeve/connector/kafka"
	"portreeve/fault"
	"portreeve/test/stack"
)

// TestSecuredBroker logs in to the real broker by TLS, rightly and wrongly.
func TestSecuredBroker(t *testing.T) {
	t.Parallel()
	s := stack.Of(t)
	topic := own("secured")
	c := client(t, s.Kafka)
	create(t, c, topic, 1, nil)
	produce(t, c, &kgo.Record{Topic: topic})
	for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		t.Run(mechanism, func(t *testing.T) {
			config := map[string]string{
				"brokers": s.KafkaSASL, "sasl": mechanism, "user": s.User, "password": s.Password, "ca_file": s.CA, "include": topic, "timeout": "10s",
			}
			o := crawl(t, connect(t, config), nil)[topic]
			if o.RowCount == nil || *o.RowCount != 1 {
				t.Errorf("want one row: %s", shown(o))
			}
			config["password"] = "s3cr3t"
			wantRefusal(t, config, fault.Forbidden, "the broker refused the user "+s.User)
		})
	}
	wantRefusal(t, map[string]string{"brokers": s.KafkaSASL, "ca_file": s.CA}, fault.Unavailable, "login")
	wantRefusal(t, map[string]string{"brokers": s.KafkaSASL}, fault.Unavailable, "TLS")
	wantRefusal(t, map[string]string{"brokers": s.KafkaSASL, "tls": "true"}, fault.Unavailable, "ca_file")
}

func wantRefusal(t *testing.T, config map[string]string, kind fault.Kind, want string) {
	t.Helper()
	connection, err := kafka.Connector().Open(t.Context(), catalog.Source{Slug: "events", Config: config})
	if err == nil {
		connection.Close()
	}
	if fault.KindOf(err) != kind || !strings.Contains(fault.Message(err), want) {
		t.Errorf("error %q (%v), want %v and %q", fault.Message(err), err, kind, want)
	}
	if err != nil && strings.Contains(err.Error(), "s3cr3t") {
		t.Error("the error tells the password")
	}
}
