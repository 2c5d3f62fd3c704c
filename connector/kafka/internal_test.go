package kafka

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kmsg"

	"portreeve/fault"
)

func FuzzParseSettings(f *testing.F) {
	f.Add("kafka-1:9092\n[::1]", "plain", "true", "orders.*", "48", "30s")
	f.Add("::1", "", "", "*", "0", "1h")
	f.Add("http://x", "x", "maybe", "\x00", "-1", "1e9s")
	f.Fuzz(func(t *testing.T, brokers, sasl, tls, include, hours, timeout string) {
		s, err := parseSettings(map[string]string{
			"brokers": brokers, "sasl": sasl, "user": "u", "password": "s3cr3t-p", "tls": tls, "include": include, "volume_hours": hours, "timeout": timeout,
		})
		if err != nil {
			if fault.KindOf(err) != fault.Invalid || strings.Contains(err.Error(), "s3cr3t-p") && !strings.Contains(brokers+sasl+tls+include+hours+timeout, "s3cr3t-p") {
				t.Errorf("error %v", err)
			}
			return
		}
		if len(s.brokers) == 0 || s.timeout < time.Second || s.volumeHours < 0 || s.volumeHours > maxHours {
			t.Errorf("settings %+v", s)
		}
		if _, err := s.options(); err != nil {
			t.Errorf("options of %+v: %v", s, err)
		}
	})
}

// FuzzAssignment reads what any client may have put into a group.
func FuzzAssignment(f *testing.F) {
	given := kmsg.ConsumerMemberAssignment{Topics: []kmsg.ConsumerMemberAssignmentTopic{{Topic: "orders", Partitions: []int32{2, 0}}}}
	asked := kmsg.ConsumerMemberMetadata{Version: 3, Topics: []string{"orders", "users"}}
	f.Add(given.AppendTo(nil), asked.AppendTo(nil))
	f.Add([]byte{0, 0, 0x7f, 0xff, 0xff, 0xff}, []byte(nil))
	f.Add([]byte("connect"), []byte{0, 1, 0, 0, 0, 1, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, given, asked []byte) {
		partitions, subscribed := assignment(given, asked)
		count := len(subscribed)
		for _, ids := range partitions {
			count += len(ids)
		}
		if count > len(given)+len(asked) {
			t.Errorf("%d things of %d bytes", count, len(given)+len(asked))
		}
	})
}

func TestAssignment(t *testing.T) {
	t.Parallel()
	given := kmsg.ConsumerMemberAssignment{Topics: []kmsg.ConsumerMemberAssignmentTopic{{Topic: "orders", Partitions: []int32{2, 0}}}}
	asked := kmsg.ConsumerMemberMetadata{Version: 1, Topics: []string{"orders", "users"}}
	partitions, subscribed := assignment(given.AppendTo(nil), asked.AppendTo(nil))
	if len(partitions) != 1 || !slices.Equal(partitions["orders"], []int32{2, 0}) || !slices.Equal(subscribed, asked.Topics) {
		t.Errorf("partitions %v, topics %v", partitions, subscribed)
	}
}

func FuzzCut(f *testing.F) {
	f.Add("short")
	f.Add(strings.Repeat("☃", 400))
	f.Add("\x00\xff" + strings.Repeat("\x80", maxText))
	f.Fuzz(func(t *testing.T, text string) {
		got := cut(text)
		if len(got) > maxText || !utf8.ValidString(got) || strings.ContainsRune(got, 0) {
			t.Errorf("cut(%q) = %q", text, got)
		}
		if len(text) <= maxText && utf8.ValidString(text) && !strings.ContainsRune(text, 0) && got != text {
			t.Errorf("cut(%q) = %q: nothing was wrong with it", text, got)
		}
	})
}

// FuzzCurve compares the few questions of a curve with asking for every hour. A broker may answer anything.
func FuzzCurve(f *testing.F) {
	f.Add(uint64(1), 48, int64(1000), false)
	f.Add(uint64(2), 1, int64(3), false)
	f.Add(uint64(3), 168, int64(5), false)
	f.Add(uint64(4), 48, int64(1000), true)
	f.Fuzz(func(t *testing.T, seed uint64, hours int, end int64, liar bool) {
		if hours < 1 || hours > maxHours || end < 1 {
			return
		}
		random := rand.New(rand.NewPCG(seed, seed))
		start := random.Int64N(end)
		truth := make([]int64, hours+1)
		bounds := make([]time.Time, hours)
		for i := range bounds {
			bounds[i] = time.UnixMilli(int64(i) * 3_600_000)
			truth[i] = start + random.Int64N(end-start+1)
		}
		truth[hours] = end
		slices.Sort(truth)
		v := &curve{partition: &partition{start: start, end: end}, offsets: make([]int64, hours+1)}
		for i := range v.offsets {
			v.offsets[i] = unknown
		}
		v.offsets[hours] = end
		asked := map[int]bool{}
		for at, more := 0, true; more; at, more = v.next() {
			if asked[at] {
				t.Fatalf("bound %d is asked for twice", at)
			}
			asked[at] = true
			answer := truth[at]
			if liar {
				answer = random.Int64() - random.Int64()
			}
			v.set(bounds, bounds[at].UnixMilli(), answer)
		}
		if !slices.IsSorted(v.offsets) || v.offsets[0] < start || v.offsets[hours] != end {
			t.Errorf("offsets %v of %d to %d", v.offsets, start, end)
		}
		if !liar && !slices.Equal(v.offsets, truth) {
			t.Errorf("offsets %v, want %v", v.offsets, truth)
		}
	})
}

func TestQuietHoursCostNothing(t *testing.T) {
	t.Parallel()
	bounds := make([]time.Time, 48)
	for i := range bounds {
		bounds[i] = time.UnixMilli(int64(i) * 3_600_000)
	}
	v := &curve{partition: &partition{start: 0, end: 10}, offsets: make([]int64, 49)}
	for i := range v.offsets {
		v.offsets[i] = unknown
	}
	v.offsets[48] = 10
	asked := 0
	for at, more := 0, true; more; at, more = v.next() {
		offset := int64(3)
		if at > 17 {
			offset = 10
		}
		v.set(bounds, bounds[at].UnixMilli(), offset)
		asked++
	}
	if asked > 8 || v.offsets[17] != 3 || v.offsets[18] != 10 {
		t.Errorf("%d questions for one busy hour, offsets %v", asked, v.offsets)
	}
}
