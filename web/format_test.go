package web

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestNumbersAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, got, want string }{
		{"thousands are apart", number(336_776), "336,776"},
		{"below a thousand nothing is", number(999), "999"},
		{"a negative number has a minus", number(-1000), "−1,000"},
		{"the least number has a form", number(math.MinInt64), "−9,223,372,036,854,775,808"},
		{"unknown is said", numberOf(nil), "unknown"},
		{"nought is known", numberOf(new(int64)), "0"},
		{"short below ten thousand is exact", short(9_999), "9,999"},
		{"short has three digits", short(336_776), "337 k"},
		{"short goes on at a thousand thousands", short(999_600), "1 M"},
		{"short of the most", short(math.MaxInt64), "9223372 T"},
		{"bytes below a KiB", size(1023), "1,023 B"},
		{"bytes are binary", size(5_138_022), "4.9 MiB"},
		{"no needless nought", size(2 << 20), "2 MiB"},
		{"one null in a million is not none", percent(1, 1_000_000), "< 0.1 %"},
		{"all but one is not all", percent(999_999, 1_000_000), "> 99.9 %"},
		{"a share of nothing is unknown", percent(0, 0), "unknown"},
		{"a share below ten has a digit", percent(24, 1000), "2.4 %"},
		{"one is singular", plural(1, "dataset", "datasets"), "1 dataset"},
		{"none is plural", plural(0, "dataset", "datasets"), "0 datasets"},
		{"an interval of an hour", every(time.Hour), "hour"},
		{"an interval of minutes", every(15 * time.Minute), "15 min"},
		{"milliseconds", took(12 * time.Millisecond), "12 ms"},
		{"a crawl of minutes", took(125 * time.Second), "2 min 5 s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		d    time.Duration
		want string
	}{
		{"a moment", 59 * time.Second, "just now"},
		{"clocks differ: what is to come is now", -time.Hour, "just now"},
		{"minutes", 12 * time.Minute, "12 min ago"},
		{"hours are rounded", 26*time.Hour + 40*time.Minute, "27 h ago"},
		{"days", 49 * time.Hour, "2 days ago"},
		{"months", 100 * 24 * time.Hour, "3 months ago"},
		{"years", 800 * 24 * time.Hour, "2 years ago"},
	} {
		if got := ago(now.Add(-tt.d), now); got != tt.want {
			t.Errorf("%s: ago(%v) = %q, want %q", tt.name, tt.d, got, tt.want)
		}
	}
}

// Whatever is cut stays text, is never longer than asked, and is only cut when it is longer.
func TestCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringN(0, 60, -1).Draw(t, "s")
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		got := cut(s, limit)
		if n := utf8.RuneCountInString(got); n > limit || !utf8.ValidString(got) {
			t.Fatalf("cut(%q, %d) = %q of %d characters", s, limit, got, n)
		}
		if utf8.RuneCountInString(s) <= limit && got != s {
			t.Fatalf("cut(%q, %d) = %q, though it fits", s, limit, got)
		}
	})
}

func TestParagraphs(t *testing.T) {
	t.Parallel()
	got := paragraphs("One\r\nline.\r\n\r\n\n  \nTwo.\n\n")
	if diff := cmp.Diff([]string{"One\nline.", "Two."}, got); diff != "" {
		t.Error(diff)
	}
	if all := strings.Join(paragraphs(strings.Repeat("word ", 1<<18)), ""); utf8.RuneCountInString(all) > descriptionShown {
		t.Errorf("a text of 1 MiB is shown with %d characters", len(all))
	}
}

func TestFirstSentence(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"One row per flight. More.":    "One row per flight.",
		"  Split\n over lines  ":       "Split over lines",
		"":                             "",
		"Version 1.2 of the table. No": "Version 1.2 of the table.",
	} {
		if got := firstSentence(in, 80); got != want {
			t.Errorf("firstSentence(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestInitials(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"Mara Okonkwo": "MO", "Prince": "P", "": "", "José Luis de la Ñandú": "JÑ"} {
		if got := initials(in); got != want {
			t.Errorf("initials(%q) = %q, want %q", in, got, want)
		}
	}
}
