package web

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"portreeve/web/ui"
)

const (
	readableDepth = 64      // of nesting, beyond which JSON is shown as it is
	readableSize  = 1 << 20 // bytes that indented JSON may have
	diffEffort    = 500     // lines that come and go, beyond which texts are called different
	diffContext   = 3       // lines around a change
	diffLineShown = 500     // characters of a line
)

// readable indents a text that is JSON. Anything else, and JSON that would grow out of hand, comes back as it is.
func readable(text string) string {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || !strings.ContainsRune(`{["`, rune(trimmed[0])) || !indentable(trimmed) {
		return text
	}
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(trimmed), "", "  "); err != nil {
		return text
	}
	return b.String()
}

// indentable reports whether JSON stays within bounds when it is indented.
func indentable(text string) bool {
	depth, grown, quoted := 0, len(text), false
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case quoted && ch == '\\':
			i++
		case ch == '"':
			quoted = !quoted
		case quoted:
		case ch == '{' || ch == '[':
			depth++
			grown += 2*depth + 1
		case ch == '}' || ch == ']':
			depth--
			grown += 2*max(depth, 0) + 1
		case ch == ',':
			grown += 2*max(depth, 0) + 1
		}
		if depth > readableDepth || grown > readableSize {
			return false
		}
	}
	return true
}

// edit is a line that stays (sign ""), goes or comes.
type edit struct {
	sign, text string
}

// diffTexts says how one text became another, by lines with a little of what is around them. Texts that differ by too much
// are said to.
func diffTexts(old, now string) []ui.DiffLine {
	if old == now {
		return []ui.DiffLine{{Sign: "@", Text: "the same text"}}
	}
	a, b := strings.Split(old, "\n"), strings.Split(now, "\n")
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	middle, ok := edits(a[head:len(a)-tail], b[head:len(b)-tail])
	if !ok {
		return []ui.DiffLine{{Sign: "@", Text: "too different to compare line by line: " + plural(len(a), "line", "lines") + " became " + number(int64(len(b)))}}
	}
	var all []edit
	for _, line := range a[max(0, head-diffContext):head] {
		all = append(all, edit{"", line})
	}
	all = append(all, middle...)
	for _, line := range a[len(a)-tail : min(len(a), len(a)-tail+diffContext)] {
		all = append(all, edit{"", line})
	}
	return hunks(all)
}

// hunks leaves out what stays far from any change.
func hunks(all []edit) []ui.DiffLine {
	near := make([]bool, len(all))
	for i, e := range all {
		if e.sign == "" {
			continue
		}
		for j := max(0, i-diffContext); j <= min(len(all)-1, i+diffContext); j++ {
			near[j] = true
		}
	}
	var lines []ui.DiffLine
	for i := 0; i < len(all); i++ {
		if len(lines) >= diffLinesShown {
			return append(lines, ui.DiffLine{Sign: "@", Text: "and more: compare the downloads"})
		}
		if near[i] {
			lines = append(lines, ui.DiffLine{Sign: all[i].sign, Text: cut(all[i].text, diffLineShown)})
			continue
		}
		skipped := i
		for i+1 < len(all) && !near[i+1] {
			i++
		}
		lines = append(lines, ui.DiffLine{Sign: "@", Text: plural(i-skipped+1, "line", "lines") + " the same"})
	}
	return lines
}

// edits finds the fewest lines to take from a and to add to make b (Myers). It gives up at diffEffort of them.
func edits(a, b []string) ([]edit, bool) {
	n, m := len(a), len(b)
	most := min(n+m, diffEffort)
	v := make([]int, 2*most+3) // furthest x on each diagonal k, at k+most+1
	var trace [][]int
	for d := 0; d <= most; d++ {
		trace = append(trace, slices.Clone(v[most+1-d:most+2+d]))
		for k := -d; k <= d; k += 2 {
			i := k + most + 1
			x := v[i-1] + 1
			if k == -d || k != d && v[i-1] < v[i+1] {
				x = v[i+1]
			}
			for x < n && x-k < m && a[x] == b[x-k] {
				x++
			}
			if v[i] = x; x >= n && x-k >= m {
				return backtrack(a, b, trace, d), true
			}
		}
	}
	return nil, false
}

// backtrack walks the way that edits found from its end. trace[d] holds the diagonals -d to d as they were before step d.
func backtrack(a, b []string, trace [][]int, d int) []edit {
	var out []edit
	x, y := len(a), len(b)
	stay := func(toX, toY int) {
		for x > toX && y > toY {
			x, y = x-1, y-1
			out = append(out, edit{"", a[x]})
		}
	}
	for ; d > 0; d-- {
		at := func(k int) int { return trace[d][k+d] }
		k := x - y
		down := k == -d || k != d && at(k-1) < at(k+1)
		from := k - 1
		if down {
			from = k + 1
		}
		stay(at(from), at(from)-from)
		if down {
			y--
			out = append(out, edit{"+", b[y]})
		} else {
			x--
			out = append(out, edit{"−", a[x]})
		}
	}
	stay(0, 0)
	slices.Reverse(out)
	return out
}
