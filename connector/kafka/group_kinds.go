package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeClassic reads the members of groups whose clients share out the partitions among themselves.
func (r *groupReader) describeClassic(ctx context.Context, names []string, groups map[string]*group) {
	request := kmsg.NewPtrDescribeGroupsRequest()
	request.Groups = names
	for _, shard := range r.client.RequestSharded(ctx, request) {
		if err := shardError(shard); err != nil {
			r.failed(nil, err)
			continue
		}
		for _, told := range shard.Resp.(*kmsg.DescribeGroupsResponse).Groups {
			g := groups[told.Group]
			if g == nil {
				continue
			}
			if err := kerr.ErrorForCode(told.ErrorCode); err != nil {
				r.failed(g, err)
				continue
			}
			g.state = told.State
			for _, m := range told.Members {
				assigned, subscribed := assignment(m.MemberAssignment, m.ProtocolMetadata)
				r.add(g, m.ClientID, m.ClientHost, assigned, subscribed)
			}
		}
	}
}

// maxMemberBytes is the most that is read of what a member says of itself, which brokers pass on as it is.
const maxMemberBytes = 16 << 20

// assignment reads what a member of a classic group was given and what it asked for. Bytes that make no sense say nothing.
func assignment(given, asked []byte) (partitions map[string][]int32, subscribed []string) {
	partitions = map[string][]int32{}
	var a kmsg.ConsumerMemberAssignment
	if len(given) <= maxMemberBytes && a.ReadFrom(given) == nil {
		for _, t := range a.Topics {
			partitions[t.Topic] = append(partitions[t.Topic], t.Partitions...)
		}
	}
	var m kmsg.ConsumerMemberMetadata
	if len(asked) <= maxMemberBytes && m.ReadFrom(asked) == nil {
		subscribed = m.Topics
	}
	return partitions, subscribed
}

// describeConsumer reads the members of groups whose partitions the broker shares out (KIP-848).
func (r *groupReader) describeConsumer(ctx context.Context, names []string, groups map[string]*group) {
	request := kmsg.NewPtrConsumerGroupDescribeRequest()
	request.Groups = names
	for _, shard := range r.client.RequestSharded(ctx, request) {
		if err := shardError(shard); err != nil {
			r.failed(nil, err)
			continue
		}
		for _, told := range shard.Resp.(*kmsg.ConsumerGroupDescribeResponse).Groups {
			g := groups[told.Group]
			if g == nil {
				continue
			}
			if err := kerr.ErrorForCode(told.ErrorCode); err != nil {
				r.failed(g, err)
				continue
			}
			g.state = told.State
			for _, m := range told.Members {
				assigned := map[string][]int32{}
				for _, t := range m.Assignment.TopicPartitions {
					assigned[t.Topic] = append(assigned[t.Topic], t.Partitions...)
				}
				r.add(g, m.ClientID, m.ClientHost, assigned, m.SubscribedTopics)
			}
		}
	}
}

// describeShare reads the members of share groups, whose members all read the same partitions (KIP-932).
func (r *groupReader) describeShare(ctx context.Context, names []string, groups map[string]*group) {
	request := kmsg.NewPtrShareGroupDescribeRequest()
	request.GroupIDs = names
	for _, shard := range r.client.RequestSharded(ctx, request) {
		if err := shardError(shard); err != nil {
			r.failed(nil, err)
			continue
		}
		for _, told := range shard.Resp.(*kmsg.ShareGroupDescribeResponse).Groups {
			g := groups[told.GroupID]
			if g == nil {
				continue
			}
			if err := kerr.ErrorForCode(told.ErrorCode); err != nil {
				r.failed(g, err)
				continue
			}
			g.state = told.GroupState
			for _, m := range told.Members {
				assigned := map[string][]int32{}
				for _, t := range m.Assignment.TopicPartitions {
					assigned[t.Topic] = append(assigned[t.Topic], t.Partitions...)
				}
				r.add(g, m.ClientID, m.ClientHost, assigned, m.SubscribedTopicNames)
			}
		}
	}
}

// readShareOffsets reads how far share groups have come, which Kafka tells as a lag since 4.2.
func (r *groupReader) readShareOffsets(ctx context.Context, names []string, groups map[string]*group) {
	request := kmsg.NewPtrDescribeShareGroupOffsetsRequest()
	for _, name := range names {
		one := kmsg.NewDescribeShareGroupOffsetsRequestGroup()
		one.GroupID = name
		request.Groups = append(request.Groups, one)
	}
	for _, shard := range r.client.RequestSharded(ctx, request) {
		if err := shardError(shard); err != nil {
			r.failed(nil, err)
			continue
		}
		response := shard.Resp.(*kmsg.DescribeShareGroupOffsetsResponse)
		for _, told := range response.Groups {
			g := groups[told.GroupID]
			if g == nil || told.ErrorCode != 0 {
				continue
			}
			for _, t := range told.Topics {
				if on := r.on(t.Topic, g); on != nil {
					on.lag = shareLag(t.Partitions, response.Version)
				}
			}
		}
	}
}

// shareLag returns nil when the lag of a partition is unknown.
func shareLag(partitions []kmsg.DescribeShareGroupOffsetsResponseGroupTopicPartition, version int16) *int64 {
	var behind int64
	for _, p := range partitions {
		if version < 1 || p.ErrorCode != 0 || p.Lag < 0 {
			return nil
		}
		behind = sum(behind, p.Lag)
	}
	return &behind
}
