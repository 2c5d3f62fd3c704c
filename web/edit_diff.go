package web

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordPart is a piece of a text beside its earlier version: what both have, or what went or came.
type wordPart struct {
	Sign string // "", "−" or "+"
	Text string
}

// wordsCompared bounds the words of each text that are compared with each other, beside what both begin and end with.
const wordsCompared = 600

// wordDiff says how a text became another, word by word.
func wordDiff(before, after string) []wordPart {
	a, b := wordsOf(before), wordsOf(after)
	head := 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var parts []wordPart
	add := func(sign string, words ...string) {
		for _, w := range words {
			if n := len(parts); n > 0 && parts[n-1].Sign == sign {
				parts[n-1].Text += w
			} else {
				parts = append(parts, wordPart{sign, w})
			}
		}
	}
	add("", a[:head]...)
	midA, midB := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(midA) > wordsCompared || len(midB) > wordsCompared {
		add("−", midA...)
		add("+", midB...)
	} else {
		alignWords(midA, midB, add)
	}
	add("", a[len(a)-tail:]...)
	if rewritten(parts) && before != "" && after != "" {
		return []wordPart{{"−", before}, {"+", after}}
	}
	return parts
}

// rewritten reports whether so few words are left of a text that they hinder reading: under half of the longer one.
func rewritten(parts []wordPart) bool {
	count := map[string]int{}
	for _, p := range parts {
		count[p.Sign] += len(strings.Fields(p.Text))
	}
	return len(parts) > 2 && 2*count[""] < count[""]+max(count["−"], count["+"])
}

// inBlocks reports whether a text was replaced as a whole.
func inBlocks(parts []wordPart) bool {
	return len(parts) == 2 && parts[0].Sign == "−" && parts[1].Sign == "+"
}

// alignWords adds the words of a and b along a longest common subsequence.
func alignWords(a, b []string, add func(sign string, words ...string)) {
	common := make([][]int, len(a)+1) // of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := range slices.Backward(a) {
		for j := range slices.Backward(b) {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			add("", a[i])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			add("−", a[i])
			i++
		default:
			add("+", b[j])
			j++
		}
	}
	add("−", a[i:]...)
	add("+", b[j:]...)
}

// wordsOf splits a text into words and what stands between them; together they are the text.
func wordsOf(text string) []string {
	var words []string
	start, space := 0, false
	for i, r := range text {
		if i > start && unicode.IsSpace(r) != space {
			words = append(words, text[start:i])
			start = i
		}
		space = unicode.IsSpace(r)
	}
	if start < len(text) {
		words = append(words, text[start:])
	}
	return words
}

// showSpace is a piece of white space that went or came, so that it can be seen.
func (p wordPart) shown() string {
	if first, _ := utf8.DecodeRuneInString(p.Text); p.Sign != "" && unicode.IsSpace(first) && len(wordsOf(p.Text)) == 1 {
		return "⏎"
	}
	return p.Text
}
