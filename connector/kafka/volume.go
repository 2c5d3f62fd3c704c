package kafka

import (
	"context"
	"time"

	"portreeve/catalog"
)

// maxVolumePartitions is above how many partitions the volume of a topic is not asked for: each costs up to one look into its
// log for every hour.
const maxVolumePartitions = 1000

// future is how far a record's timestamp may be ahead of us and still be believed.
const future = 24 * time.Hour

// bucket is what was written into a topic between two times.
type bucket struct {
	from, to time.Time
	rows     int64
}

// readTimes fills in when the newest records were written and how many in each hour. Nothing is consumed: the brokers find the
// first offset after a time in the indexes of their logs.
func (c *crawl) readTimes(ctx context.Context, topics []*topic) error {
	var asks []ask
	for _, t := range topics {
		for i := range t.partitions {
			if p := &t.partitions[i]; p.start >= 0 && p.end > p.start {
				asks = append(asks, ask{t, p, atNewest})
			}
		}
	}
	failed := map[*topic]error{}
	err := c.listOffsets(ctx, asks, func(a ask, told answer) {
		if told.err != nil {
			failed[a.topic] = told.err
			return
		}
		a.partition.newest = max(told.time, unknown)
		a.topic.newest = max(a.topic.newest, a.partition.newest)
	})
	if err != nil {
		return err
	}
	for t, err := range failed {
		t.newest = unknown
		t.note("when the newest record was written is unknown: %s", c.because(err))
	}
	return c.readVolume(ctx, topics)
}

// curve is the offsets of a partition at the bounds of the hours.
type curve struct {
	topic     *topic
	partition *partition
	offsets   []int64  // at each bound and, last, the end; unknown until asked for
	open      [][2]int // stretches whose ends are known and whose middle is not
}

// readVolume asks for the offsets at the bounds of the hours, one per partition and request. Where two bounds have the same
// offset nothing was written between them, so idle stretches cost one question and not one an hour.
func (c *crawl) readVolume(ctx context.Context, topics []*topic) error {
	bounds := c.bounds()
	if len(bounds) == 0 {
		return nil
	}
	curves := map[*partition]*curve{}
	failed := map[*topic]error{}
	asks := c.firstAsks(topics, bounds, curves)
	for len(asks) > 0 {
		err := c.listOffsets(ctx, asks, func(a ask, told answer) {
			if told.err != nil {
				failed[a.topic] = told.err
				delete(curves, a.partition)
				return
			}
			curves[a.partition].set(bounds, a.time, told.offset)
		})
		if err != nil {
			return err
		}
		asks = asks[:0]
		for _, t := range topics {
			for i := range t.partitions {
				if v := curves[&t.partitions[i]]; v != nil && failed[t] == nil {
					if at, more := v.next(); more {
						asks = append(asks, ask{t, &t.partitions[i], bounds[at].UnixMilli()})
					}
				}
			}
		}
	}
	for _, t := range topics {
		if err := failed[t]; err != nil {
			t.note("the volume is unknown: %s", c.because(err))
			continue
		}
		t.sumBuckets(append(bounds, c.at), curves)
	}
	return nil
}

// bounds are the beginnings of the hours, oldest first.
func (c *crawl) bounds() []time.Time {
	bounds := make([]time.Time, c.settings.volumeHours)
	this := c.at.UTC().Truncate(time.Hour)
	for i := range bounds {
		bounds[i] = this.Add(-time.Duration(len(bounds)-1-i) * time.Hour)
	}
	return bounds
}

// firstAsks asks for the first bound wherever something may have been written since.
func (c *crawl) firstAsks(topics []*topic, bounds []time.Time, curves map[*partition]*curve) []ask {
	var asks []ask
	for _, t := range topics {
		if len(t.partitions) > maxVolumePartitions {
			t.note("the volume by hour is not told for topics of more than %d partitions", maxVolumePartitions)
			continue
		}
		for i := range t.partitions {
			p := &t.partitions[i]
			if p.end < 0 {
				t.note("the volume is unknown: the offsets of a partition are")
			}
			if p.end <= p.start || p.newest >= 0 && p.newest < bounds[0].UnixMilli() {
				continue
			}
			v := &curve{topic: t, partition: p, offsets: make([]int64, len(bounds)+1)}
			for i := range v.offsets {
				v.offsets[i] = unknown
			}
			v.offsets[len(bounds)] = p.end
			curves[p] = v
			asks = append(asks, ask{t, p, bounds[0].UnixMilli()})
		}
	}
	return asks
}

// set takes the offset at a bound. Where there is no record after it, that is the end.
func (v *curve) set(bounds []time.Time, at, offset int64) {
	first := 0
	for first < len(bounds)-1 && bounds[first].UnixMilli() != at {
		first++
	}
	if offset < 0 {
		offset = v.partition.end
	}
	low, high := 0, len(bounds)
	if n := len(v.open); n > 0 {
		low, high = v.open[n-1][0], v.open[n-1][1]
		v.open = v.open[:n-1]
	}
	v.offsets[first] = min(max(offset, v.partition.start, v.offsets[low]), v.offsets[high]) // they never fall, whatever a broker says
	v.split(low, first)
	v.split(first, high)
}

// split leaves a stretch to be asked about, or fills it in when nothing was written in it.
func (v *curve) split(low, high int) {
	switch {
	case high-low < 2:
	case v.offsets[low] == v.offsets[high]:
		for i := low + 1; i < high; i++ {
			v.offsets[i] = v.offsets[low]
		}
	default:
		v.open = append(v.open, [2]int{low, high})
	}
}

// next returns the bound to ask about.
func (v *curve) next() (bound int, more bool) {
	if len(v.open) == 0 {
		return 0, false
	}
	last := v.open[len(v.open)-1]
	return (last[0] + last[1]) / 2, true
}

// sumBuckets adds up the partitions. A time without a record is one bucket.
func (t *topic) sumBuckets(bounds []time.Time, curves map[*partition]*curve) {
	if len(t.partitions) > maxVolumePartitions {
		return
	}
	rows := make([]int64, len(bounds)-1)
	busy := false
	for i := range t.partitions {
		p := &t.partitions[i]
		if p.end < 0 {
			return
		}
		v := curves[p]
		if v == nil {
			continue
		}
		for h := range rows {
			rows[h] = sum(rows[h], v.offsets[h+1]-v.offsets[h])
			busy = busy || rows[h] > 0
		}
	}
	if !busy {
		t.buckets = []bucket{{bounds[0], bounds[len(rows)], 0}}
		return
	}
	for h, n := range rows {
		t.buckets = append(t.buckets, bucket{bounds[h], bounds[h+1], n})
	}
}

// addTimes puts what readTimes learned into an observation.
func (c *crawl) addTimes(o *catalog.Observation, t *topic) {
	newest := time.UnixMilli(t.newest).UTC()
	switch {
	case t.newest <= 0: // no record, or one whose producer had no clock
	case newest.After(c.at.Add(future)):
		t.note("the newest record has a timestamp in the future: the clock or the unit of a producer is wrong")
	default:
		o.DataAt = &newest
	}
	for _, b := range t.buckets {
		o.Detail.Topic.Volume = append(o.Detail.Topic.Volume, catalog.Volume{From: b.from, To: b.to, Rows: b.rows})
	}
	o.Detail.Topic.Notes = t.notes
}
