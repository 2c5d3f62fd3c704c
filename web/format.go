package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// unknown is what stands where a number is not known.
const unknown = "unknown"

// number writes n with commas between thousands: 336,776.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// numberOf writes a number that may be unknown.
func numberOf(n *int64) string {
	if n == nil {
		return unknown
	}
	return number(*n)
}

// short writes n with three digits and a unit of thousands: 337 k, 1.2 M, 4.5 B. Below ten thousand it is exact.
func short(n int64) string {
	v, sign := float64(n), ""
	if n < 0 {
		v, sign = -v, "−"
	}
	if v < 10_000 {
		return number(n)
	}
	for _, unit := range []string{"k", "M", "B", "T"} {
		v /= 1000
		if v < 999.5 || unit == "T" {
			return sign + threeDigits(v) + " " + unit
		}
	}
	return number(n) // not reached: int64 ends at 9.2 million T, which the loop writes
}

// size writes a number of bytes with three digits and a binary unit: 3.4 GiB.
func size(bytes int64) string {
	v := float64(bytes)
	if bytes < 1024 {
		return number(bytes) + " B"
	}
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		v /= 1024
		if v < 999.5 || unit == "EiB" {
			return threeDigits(v) + " " + unit
		}
	}
	return number(bytes) + " B" // not reached: EiB holds every int64
}

func sizeOf(bytes *int64) string {
	if bytes == nil {
		return unknown
	}
	return size(*bytes)
}

func threeDigits(v float64) string {
	digits := 0
	if v < 9.95 {
		digits = 1
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', digits, 64), ".0")
}

// percent writes part of whole with one digit below ten percent. What is neither none nor all is never written as such:
// one null in a million is "< 0.1 %".
func percent(part, whole int64) string {
	switch {
	case whole <= 0:
		return unknown
	case part <= 0:
		return "0 %"
	case part >= whole:
		return "100 %"
	}
	p := float64(part) / float64(whole) * 100
	switch {
	case p < 0.1:
		return "< 0.1 %"
	case p > 99.9:
		return "> 99.9 %"
	case p < 10 || p > 99:
		return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0") + " %"
	}
	return strconv.FormatFloat(p, 'f', 0, 64) + " %"
}

// plural writes n and the noun that goes with it, such as plural(1, "dataset", "datasets").
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(int64(n)) + " " + many
}

// age writes how long d is, in the largest unit that says enough: "12 min", "4 h", "3 days", "5 months".
func age(d time.Duration) string {
	days := int(d.Hours() / 24)
	switch {
	case d < time.Minute:
		return "under 1 min"
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 36*time.Hour:
		return fmt.Sprintf("%d h", int(math.Round(d.Hours())))
	case days < 61:
		return plural(days, "day", "days")
	case days < 730:
		return plural(days/30, "month", "months")
	}
	return plural(days/365, "year", "years")
}

// ago writes how long before now t was. A time to come, as clocks differ, is now.
func ago(t, now time.Time) string {
	if d := now.Sub(t); d >= time.Minute {
		return age(d) + " ago"
	}
	return "just now"
}

// every writes an interval that somebody chose: "hour", "15 min", "2 days".
func every(d time.Duration) string {
	switch {
	case d == time.Hour:
		return "hour"
	case d == 24*time.Hour:
		return "day"
	case d >= 24*time.Hour && d%(24*time.Hour) == 0:
		return plural(int(d.Hours()/24), "day", "days")
	case d >= time.Hour && d%time.Hour == 0:
		return plural(int(d.Hours()), "hour", "hours")
	}
	return age(d)
}

// took writes how long something lasted: "400 ms", "4.2 s", "38 s", "2 min 5 s", "3 h 10 min".
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// stamp writes a moment, and isoTime writes it for machines.
func stamp(t time.Time) string   { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }
func isoTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
func day(t time.Time) string     { return t.UTC().Format("2 Jan 2006") }

// cut shortens s to at most limit runes, with an ellipsis for what is gone.
func cut(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	n := 0
	for i := range s {
		if n == limit-1 {
			return strings.TrimRight(s[:i], " \n\t") + "…"
		}
		n++
	}
	return s
}

// descriptionShown is how many characters of a description a page shows.
const descriptionShown = 20_000

// paragraphs splits a plain text at its empty lines. It shows at most descriptionShown characters.
func paragraphs(text string) []string {
	var all []string
	for p := range strings.SplitSeq(strings.ReplaceAll(cut(text, descriptionShown), "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// firstSentence returns the beginning of a text for a line in a list.
func firstSentence(text string, limit int) string {
	text = strings.Join(strings.Fields(cut(text, 4*limit)), " ")
	if i := strings.Index(text, ". "); i >= 0 {
		text = text[:i+1]
	}
	return cut(text, limit)
}

// initials returns at most two letters for a name.
func initials(name string) string {
	var letters []rune
	for word := range strings.FieldsSeq(name) {
		r, _ := utf8.DecodeRuneInString(word)
		letters = append(letters, r)
	}
	if len(letters) > 2 {
		letters = []rune{letters[0], letters[len(letters)-1]}
	}
	return strings.ToUpper(string(letters))
}

// timeFormat is a moment and how a page says it: "ago", "at" or "day".
type timeFormat struct {
	at, now time.Time
	as      string
}

func (f timeFormat) text() string {
	switch f.as {
	case "ago":
		return ago(f.at, f.now)
	case "day":
		return day(f.at)
	}
	return stamp(f.at)
}

func asAgo(t, now time.Time) timeFormat { return timeFormat{at: t, now: now, as: "ago"} }
func asStamp(t time.Time) timeFormat    { return timeFormat{at: t, as: "at"} }
func asDay(t time.Time) timeFormat      { return timeFormat{at: t, as: "day"} }
