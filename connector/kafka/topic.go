package kafka

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// unknown stands for an offset, a size or a time that could not be learned.
const unknown = -1

// topic is a topic as its cluster tells of it.
type topic struct {
	name       string
	id         [16]byte // zero before Kafka 2.8
	internal   bool
	partitions []partition // by id
	configs    map[string]config
	notes      []string
	err        error // why it cannot be described
	newest     int64 // the greatest timestamp, milliseconds since 1970, or unknown
	buckets    []bucket
}

// partition is a partition of a topic.
type partition struct {
	id, leader        int32
	replicas, inSync  []int32
	start, end, bytes int64 // or unknown
	newest            int64 // timestamp in milliseconds, or unknown: there is no record
	problem           string
}

// partition returns the partition of that id, or nil.
func (t *topic) partition(id int32) *partition {
	at, found := slices.BinarySearchFunc(t.partitions, id, func(p partition, id int32) int { return int(p.id) - int(id) })
	if !found {
		return nil
	}
	return &t.partitions[at]
}

// note says on the topic's page what could not be learned, once.
func (t *topic) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(t.notes, text) {
		t.notes = append(t.notes, text)
	}
}

// describe returns what is there of a batch. Only a cluster that does not answer is an error.
func (c *crawl) describe(ctx context.Context, batch []listed) ([]*topic, error) {
	asked := make([]kmsg.MetadataRequestTopic, len(batch))
	for i := range batch {
		asked[i] = kmsg.NewMetadataRequestTopic()
		asked[i].Topic = &batch[i].name
	}
	response, err := c.metadata(ctx, asked)
	if err != nil {
		return nil, err
	}
	c.forgive(response.Brokers)
	byName := make(map[string]*topic, len(batch))
	var topics []*topic
	for i := range response.Topics {
		if t := c.newTopic(&response.Topics[i]); t != nil && byName[t.name] == nil {
			byName[t.name] = t
			topics = append(topics, t)
		}
	}
	if err := c.readConfigs(ctx, byName); err != nil {
		return nil, err
	}
	if err := c.readEnds(ctx, topics); err != nil {
		return nil, err
	}
	return topics, c.readSizes(ctx, topics, byName)
}

// forgive asks the brokers again when all seemed to be down, for one has just answered.
func (c *crawl) forgive(brokers []kmsg.MetadataResponseBroker) {
	for _, b := range brokers {
		if c.down[b.NodeID] == nil {
			return
		}
	}
	clear(c.down)
}

// newTopic returns nil for a topic that was deleted since it was listed.
func (c *crawl) newTopic(m *kmsg.MetadataResponseTopic) *topic {
	if m.Topic == nil {
		return nil
	}
	t := &topic{name: *m.Topic, id: m.TopicID, internal: m.IsInternal, newest: unknown}
	switch m.ErrorCode {
	case 0:
	case kerr.UnknownTopicOrPartition.Code:
		return nil
	default:
		t.err = c.explain(kerr.ErrorForCode(m.ErrorCode), "the topic "+t.name)
		return t
	}
	for i := range m.Partitions {
		p := &m.Partitions[i]
		own := partition{
			id: p.Partition, leader: p.Leader, replicas: p.Replicas, inSync: p.ISR,
			start: unknown, end: unknown, bytes: unknown, newest: unknown,
		}
		if p.Leader < 0 {
			own.leader, own.problem = -1, "it has no leader: it can be neither read nor written"
		} else if err := kerr.TypedErrorForCode(p.ErrorCode); err != nil && err != kerr.ReplicaNotAvailable {
			own.problem = err.Description
		}
		t.partitions = append(t.partitions, own)
	}
	slices.SortFunc(t.partitions, func(a, b partition) int { return int(a.id) - int(b.id) })
	t.partitions = slices.CompactFunc(t.partitions, func(a, b partition) bool { return a.id == b.id })
	return t
}

// config is a setting in force on a topic.
type config struct {
	value string
	own   bool // set on the topic itself
}

// Kafka's numbers for the configuration of a topic, and for an entry that was set on the topic itself.
const (
	topicResource = kmsg.ConfigResourceTypeTopic
	setOnTopic    = kmsg.ConfigSourceDynamicTopicConfig
)

// readConfigs fills in the configs, or notes why they are unknown.
func (c *crawl) readConfigs(ctx context.Context, topics map[string]*topic) error {
	request := kmsg.NewPtrDescribeConfigsRequest()
	for name, t := range topics {
		if t.err == nil {
			resource := kmsg.NewDescribeConfigsRequestResource()
			resource.ResourceType, resource.ResourceName = topicResource, name
			request.Resources = append(request.Resources, resource)
		}
	}
	if len(request.Resources) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.settings.timeout)
	defer cancel()
	for _, shard := range c.client.RequestSharded(ctx, request) {
		if err := shardError(shard); err != nil {
			return c.explain(err, "the configuration of topics")
		}
		for _, r := range shard.Resp.(*kmsg.DescribeConfigsResponse).Resources {
			t := topics[r.ResourceName]
			switch err := kerr.ErrorForCode(r.ErrorCode); {
			case t == nil || r.ResourceType != topicResource:
			case err != nil:
				t.note("the configuration is unknown: %s", c.because(err))
			default:
				t.configs = configs(r.Configs)
			}
		}
	}
	return nil
}

// configs leaves out what is or may be a secret.
func configs(all []kmsg.DescribeConfigsResponseResourceConfig) map[string]config {
	out := make(map[string]config, len(all))
	for _, entry := range all {
		if entry.IsSensitive || entry.Value == nil {
			continue
		}
		own := entry.Source == setOnTopic || entry.Source < 0 && !entry.IsDefault // before Kafka 1.1 there is no source
		out[entry.Name] = config{*entry.Value, own}
	}
	return out
}

// readSizes asks the leaders how many bytes their logs have.
func (c *crawl) readSizes(ctx context.Context, topics []*topic, byName map[string]*topic) error {
	if c.noSizes != "" {
		return nil
	}
	asked := map[int32]*kmsg.DescribeLogDirsRequest{}
	for _, t := range topics {
		led := map[int32][]int32{}
		for _, p := range t.partitions {
			if p.leader >= 0 && c.down[p.leader] == nil && !c.unsized[p.leader] {
				led[p.leader] = append(led[p.leader], p.id)
			}
		}
		for broker, ids := range led {
			if asked[broker] == nil {
				asked[broker] = kmsg.NewPtrDescribeLogDirsRequest()
			}
			one := kmsg.NewDescribeLogDirsRequestTopic()
			one.Topic, one.Partitions = t.name, ids
			asked[broker].Topics = append(asked[broker].Topics, one)
		}
	}
	failed := c.askLeaders(ctx, asked, func(broker int32, response *kmsg.DescribeLogDirsResponse) {
		addSizes(broker, response, byName)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for broker, err := range failed {
		if asKafkas(err) != nil {
			c.noSizes = c.because(err)
		} else {
			c.unsized[broker] = true
		}
	}
	return nil
}

// askLeaders asks all brokers at once, calls got for one answer after another and returns what failed.
func (c *crawl) askLeaders(ctx context.Context, asked map[int32]*kmsg.DescribeLogDirsRequest,
	got func(int32, *kmsg.DescribeLogDirsResponse),
) map[int32]error {
	ctx, cancel := context.WithTimeout(ctx, c.settings.timeout)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	failed := map[int32]error{}
	for broker, request := range asked {
		all.Go(func() {
			response, err := c.client.Broker(int(broker)).RetriableRequest(ctx, request)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				r := response.(*kmsg.DescribeLogDirsResponse)
				got(broker, r)
				err = kerr.ErrorForCode(r.ErrorCode)
			}
			if err != nil {
				failed[broker] = err
			}
		})
	}
	all.Wait()
	return failed
}

func addSizes(broker int32, response *kmsg.DescribeLogDirsResponse, topics map[string]*topic) {
	for _, dir := range response.Dirs {
		for _, told := range dir.Topics {
			t := topics[told.Topic]
			if dir.ErrorCode != 0 || t == nil {
				continue
			}
			for _, replica := range told.Partitions {
				p := t.partition(replica.Partition)
				if p != nil && p.leader == broker && !replica.IsFuture && replica.Size >= 0 { // a future replica is a copy being made
					p.bytes = max(p.bytes, replica.Size)
				}
			}
		}
	}
}
