package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The times that stand for something else in a request for offsets.
const (
	atEnd    = -1
	atStart  = -2
	atNewest = -3 // the record with the greatest timestamp, since Kafka 3.0
)

// firstNewest is the first version of the request that knows atNewest. Brokers before it take it for a time.
const firstNewest = 7

// ask is a question for the first offset at a time or after it. A request holds a partition once.
type ask struct {
	topic     *topic
	partition *partition
	time      int64 // milliseconds since 1970, or one of the above
}

// answer is the offset of one ask. An offset of -1 means that there is none.
type answer struct {
	offset, time int64
	err          error
}

type askKey struct {
	topic string
	id    int32
}

// listOffsets asks the leaders and calls got once for every ask. It is an error only if nobody answers.
func (c *crawl) listOffsets(ctx context.Context, asks []ask, got func(ask, answer)) error {
	open := make(map[askKey]ask, len(asks))
	request := kmsg.NewPtrListOffsetsRequest()
	for _, a := range asks {
		switch p := a.partition; {
		case p.leader < 0:
			got(a, answer{err: kerr.LeaderNotAvailable})
		case c.down[p.leader] != nil:
			got(a, answer{err: c.down[p.leader]})
		default:
			one := kmsg.NewListOffsetsRequestTopicPartition()
			one.Partition, one.Timestamp = p.id, a.time
			if n := len(request.Topics); n == 0 || request.Topics[n-1].Topic != a.topic.name {
				t := kmsg.NewListOffsetsRequestTopic()
				t.Topic = a.topic.name
				request.Topics = append(request.Topics, t)
			}
			last := &request.Topics[len(request.Topics)-1]
			last.Partitions = append(last.Partitions, one)
			open[askKey{a.topic.name, p.id}] = a
		}
	}
	if len(open) == 0 {
		return nil
	}
	request.TimeoutMillis = int32(c.settings.timeout.Milliseconds() / 3) //nolint:gosec // ten minutes at most
	limited, cancel := context.WithTimeout(ctx, c.settings.timeout)
	defer cancel()
	shards := c.client.RequestSharded(limited, request)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	answered := false
	for _, s := range shards {
		answered = c.takeOffsets(s, open, got) || answered
	}
	if !answered {
		return c.explain(firstError(shards), "the offsets of topics")
	}
	for _, a := range open {
		got(a, answer{err: errNoAnswer})
	}
	return nil
}

var errNoAnswer = errors.New("the broker left a partition out of its answer")

// takeOffsets passes on a broker's answers, or that it gave none, and takes them off open.
func (c *crawl) takeOffsets(shard kgo.ResponseShard, open map[askKey]ask, got func(ask, answer)) (answered bool) {
	take := func(topic string, id int32, with answer) {
		key := askKey{topic, id}
		if a, asked := open[key]; asked {
			delete(open, key)
			got(a, with)
		}
	}
	if err := shardError(shard); err != nil {
		if shard.Meta.NodeID >= 0 && asKafkas(err) == nil {
			c.down[shard.Meta.NodeID] = err
		}
		for _, t := range shard.Req.(*kmsg.ListOffsetsRequest).Topics {
			for _, p := range t.Partitions {
				take(t.Topic, p.Partition, answer{err: err})
			}
		}
		return asKafkas(err) != nil
	}
	response := shard.Resp.(*kmsg.ListOffsetsResponse)
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			a := answer{p.Offset, p.Timestamp, kerr.ErrorForCode(p.ErrorCode)}
			if open[askKey{t.Topic, p.Partition}].time == atNewest && response.Version < firstNewest {
				a.err = kerr.UnsupportedVersion
			}
			take(t.Topic, p.Partition, a)
		}
	}
	return true
}

func firstError(shards []kgo.ResponseShard) error {
	for _, s := range shards {
		if err := shardError(s); err != nil {
			return err
		}
	}
	return errNoAnswer
}

// asKafkas returns what a broker said, or nil when err came about on the way to it.
func asKafkas(err error) *kerr.Error {
	known, _ := errors.AsType[*kerr.Error](err)
	return known
}

// readEnds fills in where the partitions begin and end. Their ends are read last, so that no group is ahead of them.
func (c *crawl) readEnds(ctx context.Context, topics []*topic) error {
	if err := c.listOffsets(ctx, asksFor(topics, atStart), func(a ask, told answer) {
		if told.err == nil && told.offset >= 0 {
			a.partition.start = told.offset
		} else {
			c.unreadable(a, told)
		}
	}); err != nil {
		return err
	}
	return c.listOffsets(ctx, asksFor(topics, atEnd), func(a ask, told answer) {
		if told.err == nil && told.offset >= 0 {
			a.partition.end = told.offset
		} else {
			c.unreadable(a, told)
		}
	})
}

// unreadable says on a partition why its offsets are unknown.
func (c *crawl) unreadable(a ask, told answer) {
	if a.partition.problem != "" {
		return
	}
	if told.err == nil {
		told.err = errNoAnswer
	}
	a.partition.problem = "its offsets are unknown: " + c.because(told.err)
}

// asksFor asks for the same time in all partitions.
func asksFor(topics []*topic, time int64) []ask {
	var asks []ask
	for _, t := range topics {
		for i := range t.partitions {
			asks = append(asks, ask{t, &t.partitions[i], time})
		}
	}
	return asks
}
