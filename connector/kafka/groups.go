package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupBatch is how many groups are described in one request.
const groupBatch = 200

// maxCommitted is how many committed offsets of all groups are held at most, 16 bytes each.
const maxCommitted = 4_000_000

// maxIdle is how many members without a partition are held at most: clients may subscribe to all topics there are.
const maxIdle = 100_000

// The protocols of groups, as Kafka spells their types.
const (
	classic  = "classic"
	consumer = "consumer" // KIP-848
	share    = "share"
)

// group is a consumer group.
type group struct {
	name, protocol, state, problem string
}

// groupOnTopic is a group as far as one topic goes.
type groupOnTopic struct {
	*group
	members   []member
	committed []committed // by partition
	lag       *int64      // of a share group, which tells it itself
}

// member is a client within a group.
type member struct {
	clientID, host string
	partitions     []int32 // of one topic
}

// committed is the next offset that a group will read in a partition.
type committed struct {
	partition int32
	offset    int64
}

// groupReader collects the groups by topic.
type groupReader struct {
	*crawl
	wanted   map[string]bool // topics
	onTopic  map[string]map[string]*groupOnTopic
	held     int // committed offsets
	idle     int // members with no partition of a topic that they subscribed to
	unseen   int // groups that we may not look into
	problems map[string]bool
}

// readGroups reads all consumer groups. What cannot be learned becomes a note on every topic; only the end of ctx is an error.
func (c *crawl) readGroups(ctx context.Context, topics []listed) error {
	r := &groupReader{
		crawl: c, wanted: map[string]bool{}, onTopic: map[string]map[string]*groupOnTopic{}, problems: map[string]bool{},
	}
	for _, t := range topics {
		r.wanted[t.name] = true
	}
	byType := r.list(ctx)
	for protocol, groups := range byType {
		for some := range slices.Chunk(groups, groupBatch) {
			r.read(ctx, protocol, some)
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	c.groups = make(map[string][]*groupOnTopic, len(r.onTopic))
	for name, groups := range r.onTopic {
		for _, g := range groups {
			slices.SortFunc(g.committed, func(a, b committed) int { return int(a.partition) - int(b.partition) })
			c.groups[name] = append(c.groups[name], g)
		}
		slices.SortFunc(c.groups[name], func(a, b *groupOnTopic) int { return strings.Compare(a.name, b.name) })
	}
	if r.unseen > 0 {
		const text = "%d consumer groups are not shown whole: the user %s may not look into them"
		c.notes = append(c.notes, fmt.Sprintf(text, r.unseen, c.settings.who()))
	}
	for problem := range r.problems {
		c.notes = append(c.notes, problem)
	}
	slices.Sort(c.notes)
	return ctx.Err()
}

// list returns the groups by protocol and name.
func (r *groupReader) list(ctx context.Context) map[string][]*group {
	ctx, cancel := context.WithTimeout(ctx, r.settings.timeout)
	defer cancel()
	byType, seen := map[string][]*group{}, map[string]bool{}
	for _, shard := range r.client.RequestSharded(ctx, kmsg.NewPtrListGroupsRequest()) {
		err := shardError(shard)
		if err == nil {
			response := shard.Resp.(*kmsg.ListGroupsResponse)
			err = kerr.ErrorForCode(response.ErrorCode)
			for _, g := range response.Groups {
				protocol := strings.ToLower(g.GroupType)
				if protocol == "" { // before Kafka 3.8
					protocol = classic
				}
				consumes := g.ProtocolType == "consumer" || g.ProtocolType == "" || protocol != classic
				if consumes && !seen[g.Group] {
					seen[g.Group] = true
					byType[protocol] = append(byType[protocol], &group{name: g.Group, protocol: protocol, state: g.GroupState})
				}
			}
		}
		if err != nil {
			r.problems["not all consumer groups are known: "+r.because(err)] = true
		}
	}
	return byType
}

// read describes groups of one protocol and what they have committed.
func (r *groupReader) read(ctx context.Context, protocol string, groups []*group) {
	ctx, cancel := context.WithTimeout(ctx, r.settings.timeout)
	defer cancel()
	byName := make(map[string]*group, len(groups))
	names := make([]string, len(groups))
	for i, g := range groups {
		byName[g.name], names[i] = g, g.name
	}
	switch protocol {
	case classic:
		r.describeClassic(ctx, names, byName)
	case consumer:
		r.describeConsumer(ctx, names, byName)
	case share:
		r.describeShare(ctx, names, byName)
		r.readShareOffsets(ctx, names, byName)
		return
	}
	r.readCommitted(ctx, names, byName)
}

// on returns a group's part on a topic, nil when nobody asked for the topic.
func (r *groupReader) on(topic string, g *group) *groupOnTopic {
	if !r.wanted[topic] {
		return nil
	}
	if r.onTopic[topic] == nil {
		r.onTopic[topic] = map[string]*groupOnTopic{}
	}
	if r.onTopic[topic][g.name] == nil {
		r.onTopic[topic][g.name] = &groupOnTopic{group: g}
	}
	return r.onTopic[topic][g.name]
}

// add puts a member on the topics that it has partitions of or has subscribed to.
func (r *groupReader) add(g *group, clientID, host string, assigned map[string][]int32, subscribed []string) {
	if assigned == nil {
		assigned = map[string][]int32{}
	}
	for _, topic := range subscribed {
		if _, has := assigned[topic]; !has && r.wanted[topic] && r.idle < maxIdle {
			assigned[topic] = nil
			r.idle++
		}
	}
	for topic, partitions := range assigned {
		if on := r.on(topic, g); on != nil {
			slices.Sort(partitions)
			on.members = append(on.members, member{clientID, strings.TrimPrefix(host, "/"), partitions})
		}
	}
}

// failed says on a group, or of all, what went wrong. Groups that are gone are passed over.
func (r *groupReader) failed(g *group, err error) {
	switch {
	case g == nil:
		r.problems["not all consumer groups are known: "+r.because(err)] = true
	case denied(err):
		r.unseen++
		g.problem = "the user " + r.settings.who() + " may not look into this group"
	case !errors.Is(err, kerr.GroupIDNotFound):
		g.problem = r.because(err)
	}
}

// readCommitted fetches the committed offsets of groups.
func (r *groupReader) readCommitted(ctx context.Context, names []string, groups map[string]*group) {
	request := kmsg.NewPtrOffsetFetchRequest()
	for _, name := range names {
		one := kmsg.NewOffsetFetchRequestGroup()
		one.Group = name
		request.Groups = append(request.Groups, one)
	}
	for _, shard := range r.client.RequestSharded(ctx, request) {
		if err := shardError(shard); err != nil {
			r.failed(nil, err)
			continue
		}
		for _, told := range shard.Resp.(*kmsg.OffsetFetchResponse).Groups {
			g := groups[told.Group]
			if err := kerr.ErrorForCode(told.ErrorCode); g != nil && err != nil {
				if g.problem == "" {
					r.failed(g, err)
				}
				continue
			}
			for i := range told.Topics {
				if g != nil {
					r.addCommitted(g, &told.Topics[i])
				}
			}
		}
	}
}

func (r *groupReader) addCommitted(g *group, told *kmsg.OffsetFetchResponseGroupTopic) {
	for _, p := range told.Partitions {
		if p.Offset < 0 || p.ErrorCode != 0 {
			continue
		}
		if r.held == maxCommitted {
			r.problems[fmt.Sprintf("not all committed offsets are known: the groups of this cluster have more than %d", maxCommitted)] = true
			return
		}
		if on := r.on(told.Topic, g); on != nil {
			on.committed = append(on.committed, committed{p.Partition, p.Offset})
			r.held++
		}
	}
}
