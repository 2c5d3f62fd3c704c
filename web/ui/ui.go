// Package ui holds the parts that pages are made of: badges, tables' furniture, states, charts. It knows no domain: it is
// given words and numbers, and every part is shown with its states on the gallery page of the demo.
package ui

import "strconv"

// Tone says how something is. It is never the only sign: a word and an icon always stand beside the colour.
type Tone string

// The tones. The zero Tone is neutral.
const (
	Neutral Tone = ""
	Good    Tone = "good"
	Warn    Tone = "warn"
	Bad     Tone = "bad"
	Muted   Tone = "muted" // unknown, not yet
	Live    Tone = "live"  // going on now
	Accent  Tone = "accent"
	Info    Tone = "info"
)

// icon returns the icon that goes with a tone where the caller has no better one.
func (t Tone) icon() string {
	switch t {
	case Good:
		return "ok"
	case Warn:
		return "warning"
	case Bad:
		return "alert"
	case Muted:
		return "unknown"
	case Live:
		return "spinner"
	case Neutral, Accent, Info:
	}
	return "info"
}

// Link is one of several places to go to, of which one may be the place where the reader is.
type Link struct {
	Text    string
	URL     string
	Count   string // beside the text, or ""
	Current bool
}

// Pager says which part of a list is shown. URLs are "" where there is no such part.
type Pager struct {
	Summary  string // "1–20 of 148"
	Previous string
	Next     string
}

// FacetValue is a tick box of a facet.
type FacetValue struct {
	Value   string
	Label   string
	Count   string // as text, with "about" where it is an estimate
	Checked bool
	Zero    bool // choosing it would find nothing
}

// Cell is one cell of a trust strip: a claim, and what it rests on as children of Trust.
type Cell struct {
	ID    string // of its evidence, unique on the page
	Tone  Tone
	Title string
	Text  string
}

// DiffLine is a line of a difference: "+", "−", "" for context, or "@" for a heading.
type DiffLine struct {
	Sign string
	Text string
}

func (l DiffLine) class() string {
	switch l.Sign {
	case "+":
		return "add"
	case "−":
		return "del"
	case "@":
		return "hunk"
	}
	return ""
}

func (l DiffLine) sign() string {
	if l.Sign == "@" {
		return ""
	}
	return l.Sign
}

// said is what a screen reader says for the line's sign.
func (l DiffLine) said() string {
	switch l.Sign {
	case "+":
		return "added: "
	case "−":
		return "removed: "
	}
	return ""
}

func itoa(n int) string { return strconv.Itoa(n) }

// coord writes a coordinate of a drawing: a tenth of a unit is finer than any screen.
func coord(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
