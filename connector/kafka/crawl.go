package kafka

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"portreeve/catalog"
)

// Topics are described together, as many as keep the requests few and the answers small.
const (
	batchTopics     = 200
	batchPartitions = 5000
)

// crawl is one pass over the topics.
type crawl struct {
	*cluster
	known        catalog.Known
	at           time.Time
	groups       map[string][]*groupOnTopic // by topic
	notes        []string                   // on every topic
	transactions bool                       // may have been used in this cluster
	noSizes      string                     // why the sizes of logs are not asked for, "" when they are
	unsized      map[int32]bool             // brokers that did not answer when asked for sizes are not asked again
	down         map[int32]error            // likewise those that did not answer when asked for offsets
}

// listed is a topic in the list of all.
type listed struct {
	name       string
	partitions int
}

// topics lists the topics and yields them all. It reports whether the consumer has had enough.
func (c *crawl) topics(ctx context.Context, yield func(catalog.Observation, error) bool) (stopped bool, _ error) {
	all, err := c.list(ctx)
	if err != nil {
		return false, err
	}
	if stopped, err := c.hidden(ctx, all, yield); stopped || err != nil || len(all) == 0 {
		return stopped, err
	}
	if c.transactions, err = c.hasTransactions(ctx); err != nil {
		return false, err
	}
	if c.settings.groups {
		if err := c.readGroups(ctx, all); err != nil {
			return false, err
		}
	}
	for len(all) > 0 {
		batch := nextBatch(all)
		all = all[len(batch):]
		if stopped, err := c.batch(ctx, batch, yield); stopped || err != nil {
			return stopped, err
		}
	}
	return false, nil
}

// nextBatch returns the first topics of all that are described together, at least one.
func nextBatch(all []listed) []listed {
	partitions := 0
	for i, t := range all {
		partitions += t.partitions
		if i > 0 && (i == batchTopics || partitions > batchPartitions) {
			return all[:i]
		}
	}
	return all
}

// list returns the topics that the settings ask for, by name. Kafka leaves out those that the user may not describe.
func (c *crawl) list(ctx context.Context) ([]listed, error) {
	response, err := c.metadata(ctx, nil)
	if err != nil {
		return nil, err
	}
	var all []listed
	for _, t := range response.Topics {
		if t.Topic != nil && c.settings.wants(*t.Topic, t.IsInternal) {
			all = append(all, listed{*t.Topic, len(t.Partitions)})
		}
	}
	slices.SortFunc(all, func(a, b listed) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(all, func(a, b listed) bool { return a.name == b.name }), nil
}

// hidden yields those known topics that are not listed because the user may no longer describe them: they are not gone.
func (c *crawl) hidden(ctx context.Context, all []listed, yield func(catalog.Observation, error) bool) (stopped bool, _ error) {
	there := make(map[string]bool, len(all))
	for _, t := range all {
		there[t.name] = true
	}
	var missing []kmsg.MetadataRequestTopic
	for _, name := range slices.Sorted(maps.Keys(c.known)) {
		if !there[name] && legalName.MatchString(name) && c.settings.wants(name, false) {
			asked := kmsg.NewMetadataRequestTopic()
			asked.Topic = &name
			missing = append(missing, asked)
		}
	}
	for some := range slices.Chunk(missing, batchPartitions) {
		response, err := c.metadata(ctx, some)
		if err != nil {
			return false, err
		}
		for _, t := range response.Topics {
			if err := kerr.ErrorForCode(t.ErrorCode); t.Topic != nil && denied(err) &&
				!yield(catalog.Observation{Name: *t.Topic}, c.explain(err, "the topic "+*t.Topic+", if it is still there")) {
				return true, nil
			}
		}
	}
	return false, nil
}

// hasTransactions reports whether transactions may ever have been used: whether the topic that their state is kept in exists.
// Only when Kafka says that there is none are offsets the same as records.
func (c *crawl) hasTransactions(ctx context.Context) (bool, error) {
	name := "__transaction_state"
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &name
	response, err := c.metadata(ctx, []kmsg.MetadataRequestTopic{asked})
	if err != nil {
		return false, err
	}
	return len(response.Topics) != 1 || response.Topics[0].ErrorCode != kerr.UnknownTopicOrPartition.Code, nil
}

// batch describes topics and yields them, those that have not changed as such.
func (c *crawl) batch(ctx context.Context, batch []listed, yield func(catalog.Observation, error) bool) (stopped bool, _ error) {
	topics, err := c.describe(ctx, batch)
	if err != nil {
		return false, err
	}
	observed := make([]catalog.Observation, len(topics))
	var changed []*topic
	for i, t := range topics {
		if t.err != nil {
			observed[i] = catalog.Observation{Name: t.name}
			continue
		}
		observed[i] = c.observe(t)
		if version := observed[i].Version; version != "" && version == c.known[t.name] {
			observed[i] = catalog.Observation{Name: t.name, Unchanged: true}
		} else {
			changed = append(changed, t)
		}
	}
	if err := c.readTimes(ctx, changed); err != nil {
		return false, err
	}
	for i, t := range topics {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if !observed[i].Unchanged && t.err == nil {
			c.addTimes(&observed[i], t)
		}
		if !yield(observed[i], t.err) {
			return true, nil
		}
	}
	return false, nil
}
