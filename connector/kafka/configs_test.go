package kafka

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
)

// A plugin of the brokers may have configs of its own, which Kafka does not know to be secrets.
func TestConfigsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	own := func(value string) config { return config{value: value, own: true} }
	top := topic{configs: map[string]config{
		"retention.ms": own("5"), "tier.store.access_key": own("hush"), "tier.store.url": own("https://u:hush@store/x"), "segment.bytes": {value: "1"},
	}}
	var d catalog.TopicDetail
	top.describeConfigs(&d)
	want := []catalog.Setting{{Name: "retention.ms", Value: "5"}, {Name: "tier.store.url", Value: "https://store/x"}}
	if diff := cmp.Diff(want, d.Configs); diff != "" {
		t.Errorf("configs (-want +got):\n%s", diff)
	}
}
