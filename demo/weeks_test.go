package demo

import (
	"testing"
	"time"
)

func TestWeeksTo(t *testing.T) {
	t.Parallel()
	day := func(text string) time.Time {
		at, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	tests := []struct {
		name  string
		today time.Time
		want  int
	}{
		{"the last day itself", day("2013-12-31 00:00"), 0},
		{"six days later the week is not over", day("2014-01-06 23:59"), 0},
		{"a week later the day is not over", day("2014-01-07 23:59"), 0},
		{"a week and a day later", day("2014-01-08 00:00"), 1},
		{"a Saturday long after", day("2026-11-21 09:30"), 672},
		{"never backwards", day("2012-01-01 00:00"), 0},
		{"the day is that of UTC", time.Date(2014, 1, 8, 1, 0, 0, 0, time.FixedZone("east", 2*3600)), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := weeksTo(tt.today)
			if got != tt.want {
				t.Errorf("weeksTo(%v) = %d, want %d", tt.today, got, tt.want)
			}
			if end := lastDay.AddDate(0, 0, 7*got); end.Weekday() != time.Tuesday {
				t.Errorf("the data ends on a %v, want Tuesday as recorded", end.Weekday())
			}
		})
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 336776: "336,776", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %s, want %s", n, got, want)
		}
	}
}
