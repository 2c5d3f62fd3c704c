// Package kafka reads Kafka clusters, and what speaks Kafka's protocol: which topics there are, how they are kept, how much
// lies in them and who reads them. It consumes no record and writes nothing.
//
// What it learns of a topic is bounded: the detail of at most maxPartitions partitions, maxGroups consumer groups, maxMembers
// of their members and maxOffsets committed offsets is kept, and a note says what was left out. Figures always count all.
package kafka

import (
	"context"
	"iter"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"portreeve/catalog"
	"portreeve/fault"
)

// topicsScope is the only scope of a cluster.
const topicsScope = "topics"

// cluster is a Kafka cluster. It implements catalog.Crawler and keeps nothing between calls but connections.
type cluster struct {
	client    *kgo.Client
	settings  settings
	namespace string // OpenLineage's
	now       func() time.Time
}

// open connects to a cluster and logs in. It asks one question, so that what is wrong is told now.
func open(ctx context.Context, src catalog.Source, now func() time.Time) (catalog.Connection, error) {
	s, err := parseSettings(src.Config)
	if err != nil {
		return catalog.Connection{}, err
	}
	options, err := s.options()
	if err != nil {
		return catalog.Connection{}, err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return catalog.Connection{}, &fault.Error{Kind: fault.Invalid, Field: "brokers", Msg: "the settings of Kafka do not fit", Err: err}
	}
	c := &cluster{client: client, settings: s, namespace: src.Namespace, now: now}
	if c.namespace == "" {
		c.namespace = "kafka://" + s.brokers[0]
	}
	if _, err := c.metadata(ctx, []kmsg.MetadataRequestTopic{}); err != nil {
		client.Close()
		return catalog.Connection{}, err
	}
	return catalog.Connection{
		Crawler: c,
		Close: func() error {
			client.Close()
			return nil
		},
	}, nil
}

// Scopes returns the one scope that all topics are in.
func (c *cluster) Scopes(context.Context) ([]string, error) { return []string{topicsScope}, nil }

// Datasets streams the topics that the settings ask for.
func (c *cluster) Datasets(ctx context.Context, scope string, known catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		if scope != topicsScope {
			yield(catalog.Observation{}, fault.NotFoundf("Kafka has no scope %s, only %s", scope, topicsScope))
			return
		}
		run := &crawl{cluster: c, known: known, at: c.now(), unsized: map[int32]bool{}, down: map[int32]error{}}
		stopped, err := run.topics(ctx, yield)
		if err != nil && !stopped {
			yield(catalog.Observation{}, err)
		}
	}
}

// legalName is what Kafka allows as the name of a topic, beside "." and "..", which it forbids.
var legalName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// Has reports whether there is a topic of this name that the settings ask for. A topic that the user may not describe is
// Forbidden, for Kafka does not tell whether it exists.
func (c *cluster) Has(ctx context.Context, name string) (bool, error) {
	if !legalName.MatchString(name) || name == "." || name == ".." || !c.settings.wants(name, false) {
		return false, nil
	}
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &name
	response, err := c.metadata(ctx, []kmsg.MetadataRequestTopic{asked})
	if err != nil {
		return false, err
	}
	found := slices.IndexFunc(response.Topics, func(t kmsg.MetadataResponseTopic) bool { return t.Topic != nil && *t.Topic == name })
	if found < 0 {
		return false, nil
	}
	t := response.Topics[found]
	switch t.ErrorCode {
	case 0, kerr.LeaderNotAvailable.Code:
		return c.settings.wants(name, t.IsInternal), nil
	case kerr.UnknownTopicOrPartition.Code, kerr.InvalidTopicException.Code:
		return false, nil
	}
	return false, c.explain(kerr.ErrorForCode(t.ErrorCode), "the topic "+name)
}

// metadata asks for topics, all of them when topics is nil. It never creates one.
func (c *cluster) metadata(ctx context.Context, topics []kmsg.MetadataRequestTopic) (*kmsg.MetadataResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, c.settings.timeout)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = topics
	response, err := request.RequestWith(ctx, c.client)
	if err != nil {
		return nil, c.explain(err, "the list of topics")
	}
	return response, nil
}
