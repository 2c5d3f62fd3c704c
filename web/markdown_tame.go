package web

import "strings"

// Bounds of a Markdown text, within which parsing takes a few milliseconds. Beyond them goldmark needs the square of the length:
// a table fills each row up to the width of its head, and each mark looks back at all that are open.
const (
	maxCellsInRow = 100
	maxCells      = 20_000 // of all tables together
	maxMarks      = 4_000  // that may open or close something, from one blank line to the next
	maxUnderlines = 8_000  // within words, likewise
	maxNested     = 30     // lists and quotes in each other
)

// tame reports whether a text can be rendered as Markdown within bounds. What cannot is shown as it was written.
func tame(words string) bool {
	var block struct{ lines, cells, marks, underlines int }
	cells := 0
	for line := range strings.Lines(words) {
		if strings.TrimSpace(line) == "" {
			cells += block.cells * block.lines
			block.lines, block.cells, block.marks, block.underlines = 0, 0, 0, 0
			continue
		}
		block.lines++
		if n := strings.Count(line, "|"); n > 0 {
			block.cells = max(block.cells, n+1)
		}
		marks, underlines := marksIn(line)
		block.marks += marks
		block.underlines += underlines
		if block.cells > maxCellsInRow || cells+block.cells*block.lines > maxCells || block.marks > maxMarks || block.underlines > maxUnderlines ||
			nesting(line) > maxNested {
			return false
		}
	}
	return true
}

// marksIn counts what may open or close emphasis or a link, and the underlines within words, which do not.
func marksIn(line string) (marks, underlines int) {
	for i := range len(line) {
		switch line[i] {
		case '*', '~', '[', '>', '`', '<':
			marks++
		case '_':
			if i > 0 && i+1 < len(line) && wordByte(line[i-1]) && wordByte(line[i+1]) {
				underlines++
			} else {
				marks++
			}
		}
	}
	return marks, underlines
}

func wordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b >= 0x80
}

// nesting counts the marks of lists and quotes that a line begins with.
func nesting(line string) (n int) {
	for n <= maxNested {
		line = strings.TrimLeft(line, " \t")
		rest := strings.TrimLeft(line, "0123456789")
		switch {
		case len(rest) < len(line) && (strings.HasPrefix(rest, ". ") || strings.HasPrefix(rest, ") ")):
			line = rest[2:]
		case strings.HasPrefix(line, ">"):
			line = line[1:]
		case strings.HasPrefix(line, "- "), strings.HasPrefix(line, "+ "), strings.HasPrefix(line, "* "):
			line = line[2:]
		default:
			return n
		}
		n++
	}
	return n
}
