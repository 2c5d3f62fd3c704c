package kafka

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"portreeve/catalog"
)

// The bounds of what is kept of one topic: well under a megabyte of JSON unless its clients have very long names.
const (
	maxPartitions = 1000 // those with a problem first
	maxGroups     = 200
	maxMembers    = 1000  // of all groups
	maxOffsets    = 5000  // of all groups
	maxAssigned   = 10000 // partitions of all members
	maxConfigs    = 200
	maxText       = 1000 // bytes of a name or a value
)

// version1 begins the Version of every observation. It is raised when there is more to observe.
const version1 = "1:"

// observe describes a topic but for its times, which are only asked for when the rest has changed.
func (c *crawl) observe(t *topic) catalog.Observation {
	o := catalog.Observation{
		Name: t.name, Kind: catalog.Topic, Standing: catalog.Holds,
		Identifiers: []catalog.Identifier{{Namespace: c.namespace, Name: t.name, Rule: "both name this topic of this cluster"}},
	}
	if t.id != [16]byte{} {
		o.NativeID = uuid(t.id)
	}
	d := &catalog.TopicDetail{Internal: t.internal || strings.HasPrefix(t.name, "__")}
	o.Detail.Topic = d
	for _, p := range t.partitions {
		d.Replication = max(d.Replication, len(p.replicas))
	}
	t.describeConfigs(d)
	c.count(&o, t)
	d.Groups = groupsOn(t, c.groups[t.name])
	d.PartitionCount = len(t.partitions)
	d.Partitions = t.shownPartitions(d.MinInSync)
	for _, n := range c.notes {
		t.note("%s", n)
	}
	o.Version = c.version(&o, t)
	d.Notes = t.notes
	return o
}

// uuid writes an id as people write it; Kafka's own tools write base64.
func uuid(id [16]byte) string {
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

func (t *topic) describeConfigs(d *catalog.TopicDetail) {
	d.CleanupPolicy = cut(t.configs["cleanup.policy"].value)
	d.MinInSync, _ = strconv.Atoi(t.configs["min.insync.replicas"].value)
	d.RetentionMS = t.number("retention.ms")
	d.RetentionBytes = t.number("retention.bytes")
	for name, entry := range t.configs {
		if entry.own && catalog.Showable(name) {
			d.Configs = append(d.Configs, catalog.Setting{Name: cut(name), Value: cut(catalog.WithoutUserinfo(entry.value))})
		}
	}
	slices.SortFunc(d.Configs, func(a, b catalog.Setting) int { return strings.Compare(a.Name, b.Name) })
	d.Configs = d.Configs[:min(len(d.Configs), maxConfigs)]
	if t.configs["remote.storage.enable"].value == "true" {
		t.note("the bytes are those on the brokers' disks: Kafka does not tell the size of the older records in remote storage")
	}
}

// number returns nil for a config that is unknown or no number.
func (t *topic) number(name string) *int64 {
	n, err := strconv.ParseInt(t.configs[name].value, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// count fills in rows and bytes. Offsets are records only where nothing else uses them up and nothing is taken out between.
func (c *crawl) count(o *catalog.Observation, t *topic) {
	var rows, bytes int64
	unreadable, unsized := 0, 0
	for _, p := range t.partitions {
		if p.start < 0 || p.end < 0 {
			unreadable++
		} else {
			rows = sum(rows, max(p.end-p.start, 0))
		}
		if p.bytes < 0 {
			unsized++
		} else {
			bytes = sum(bytes, p.bytes)
		}
	}
	if unreadable > 0 {
		t.note("the number of records is unknown: the offsets of %d partitions are", unreadable)
	} else {
		o.RowCount = &rows
		c.estimate(o, t)
	}
	switch {
	case unsized == 0:
		o.ByteCount = &bytes
	case c.noSizes != "":
		t.note("the bytes are unknown: %s", c.noSizes)
	default:
		t.note("the bytes are unknown: the leaders of %d partitions did not tell them", unsized)
	}
}

// estimate says why the number of records may be less than the number of offsets.
func (c *crawl) estimate(o *catalog.Observation, t *topic) {
	policy, known := t.configs["cleanup.policy"]
	var why string
	switch {
	case *o.RowCount == 0:
		return
	case !known:
		why = "the topic may be compacted"
	case strings.Contains(policy.value, "compact"):
		why = "compaction takes records out and leaves their offsets"
	case c.transactions:
		why = "this cluster has transactions, whose markers take offsets too"
	default:
		return
	}
	o.Estimated = []string{"rows"}
	t.note("the number of records is the number of offsets, an upper bound: %s", why)
}

// version tells what is observed from anything else.
func (c *crawl) version(o *catalog.Observation, t *topic) string {
	hash := sha256.New()
	if err := json.NewEncoder(hash).Encode(o); err != nil { // without a version it is read again, which is only slow
		return ""
	}
	fmt.Fprintf(hash, "%q %d", t.notes, c.settings.volumeHours)
	var offsets [16]byte
	for _, p := range t.partitions { // those beyond maxPartitions too
		binary.BigEndian.PutUint64(offsets[:8], uint64(p.start)) //nolint:gosec // bits, not a number
		binary.BigEndian.PutUint64(offsets[8:], uint64(p.end))   //nolint:gosec // likewise
		hash.Write(offsets[:])
	}
	return version1 + hex.EncodeToString(hash.Sum(nil)[:16])
}

// shownPartitions returns as many partitions as are kept, by id.
func (t *topic) shownPartitions(minInSync int) []catalog.Partition {
	all := make([]catalog.Partition, len(t.partitions))
	for i, p := range t.partitions {
		all[i] = catalog.Partition{
			ID: p.id, Leader: p.leader, Replicas: p.replicas, InSync: p.inSync,
			Start: max(p.start, 0), End: max(p.end, 0), Problem: p.problem,
		}
		if p.bytes >= 0 {
			all[i].Bytes = &t.partitions[i].bytes
		}
		if p.problem == "" && len(p.inSync) < minInSync {
			all[i].Problem = fmt.Sprintf("%d of its replicas are in sync and min.insync.replicas is %d: "+
				"producers that ask for acks=all are refused", len(p.inSync), minInSync)
		}
	}
	if len(all) <= maxPartitions {
		return all
	}
	t.note("of %d partitions %d are shown; the figures are of all", len(all), maxPartitions)
	slices.SortStableFunc(all, func(a, b catalog.Partition) int {
		switch {
		case a.Problem != "" && b.Problem == "":
			return -1
		case a.Problem == "" && b.Problem != "":
			return 1
		}
		return 0
	})
	all = slices.Clone(all[:maxPartitions])
	slices.SortFunc(all, func(a, b catalog.Partition) int { return int(a.ID) - int(b.ID) })
	return all
}

// groupsOn describes the groups of a topic within the bounds.
func groupsOn(t *topic, groups []*groupOnTopic) []catalog.GroupOnTopic {
	members, offsets, assigned := 0, 0, 0
	var out []catalog.GroupOnTopic
	for _, g := range groups[:min(len(groups), maxGroups)] {
		shown := catalog.GroupOnTopic{Name: cut(g.name), Protocol: cut(g.protocol), State: cut(g.state), Problem: g.problem}
		for _, m := range g.members {
			if members++; members > maxMembers {
				break
			}
			kept := m.partitions[:min(len(m.partitions), max(maxAssigned-assigned, 0))]
			assigned += len(m.partitions)
			shown.Members = append(shown.Members, catalog.GroupMember{ClientID: cut(m.clientID), Host: cut(m.host), Partitions: kept})
		}
		slices.SortFunc(shown.Members, compareMembers)
		g.addLag(&shown, t)
		kept := min(len(shown.Offsets), max(maxOffsets-offsets, 0))
		offsets += len(shown.Offsets)
		shown.Offsets = shown.Offsets[:kept]
		out = append(out, shown)
	}
	if len(groups) > maxGroups || members > maxMembers || offsets > maxOffsets || assigned > maxAssigned {
		t.note("not all of its %d consumer groups, their members or offsets are shown; each lag is of all partitions", len(groups))
	}
	return out
}

func compareMembers(a, b catalog.GroupMember) int {
	if n := strings.Compare(a.ClientID, b.ClientID); n != 0 {
		return n
	}
	if n := strings.Compare(a.Host, b.Host); n != 0 {
		return n
	}
	return slices.Compare(a.Partitions, b.Partitions)
}

// addLag says how far a group is behind. A group that has committed nothing has no lag that could be known.
func (g *groupOnTopic) addLag(shown *catalog.GroupOnTopic, t *topic) {
	var behind, lost int64
	known, ahead := g.committed != nil, 0
	for _, at := range g.committed {
		p := t.partition(at.partition)
		if p == nil {
			continue
		}
		if p.end < 0 {
			known = false
			continue
		}
		lag := max(p.end-at.offset, 0)
		behind = sum(behind, lag)
		shown.Offsets = append(shown.Offsets, catalog.GroupOffset{Partition: p.id, Committed: at.offset, Lag: lag})
		lost = sum(lost, max(p.start-at.offset, 0))
		if at.offset > p.end {
			ahead++
		}
	}
	switch {
	case known:
		shown.Lag = &behind
	case g.lag != nil:
		shown.Lag = g.lag
	}
	switch {
	case shown.Problem != "":
	case ahead > 0:
		shown.Problem = fmt.Sprintf("in %d partitions it is beyond the end: the topic was made anew or has lost records", ahead)
	case lost > 0:
		shown.Problem = fmt.Sprintf("%d offsets were deleted before it read them", lost)
	}
}

// sum adds what is not negative, and stops at the greatest number there is.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// cut makes a text that others wrote fit to keep: bounded, and without what JSON or Postgres would refuse.
func cut(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
	if len(text) <= maxText {
		return text
	}
	end := maxText - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
