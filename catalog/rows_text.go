package catalog

import (
	"fmt"
	"strings"
)

// textRow is a line of a CSV, or several where a cell holds line breaks.
type textRow struct {
	line  int // of its first, from 1
	cells []string
}

// rowsError is what is wrong with a CSV as such.
type rowsError struct {
	line, column int // column is the number of the cell, from 1
	message      string
}

func (e *rowsError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.line, e.column, e.message)
}

// separators are what parts the cells of a line, most usual first.
const separators = ",;\t"

// separatorOf returns what parts the cells of a head line, 0 when there is one cell only.
func separatorOf(first string) rune {
	best, most := rune(0), 0
	for _, sep := range separators {
		if n := strings.Count(first, string(sep)); n > most {
			best, most = sep, n
		}
	}
	return best
}

// readRows reads a CSV (RFC 4180, lines may end in LF) of at most maxCells cells in a line and maxLines lines, and skips empty
// lines. It stops at the first error, a *rowsError, and holds no more than the text does. A text of more lines is one too, beside
// which it returns the first ones.
func readRows(text string, separator rune, maxCells, maxLines int) (rows []textRow, err error) {
	r := rowReader{text: text, separator: byte(separator), line: 1} //nolint:gosec // one of three ASCII characters
	for r.at < len(r.text) {
		row := textRow{line: r.line}
		for more := true; more; {
			var cell string
			if len(row.cells) == maxCells {
				return nil, &rowsError{row.line, maxCells + 1, fmt.Sprintf("a line has at most %d cells", maxCells)}
			}
			if cell, more, err = r.cell(len(row.cells) + 1); err != nil {
				return nil, err
			}
			row.cells = append(row.cells, cell)
		}
		if len(row.cells) == 1 && strings.TrimSpace(row.cells[0]) == "" {
			continue
		}
		if len(rows) == maxLines {
			return rows, &rowsError{row.line, 1, fmt.Sprintf("a file has at most %d lines", maxLines)}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

type rowReader struct {
	text      string
	separator byte
	at, line  int
}

// cell reads one cell, and whether another one follows in its line.
func (r *rowReader) cell(column int) (cell string, more bool, err error) {
	if r.at < len(r.text) && r.text[r.at] == '"' {
		if cell, err = r.quoted(column); err != nil {
			return "", false, err
		}
	} else {
		end := r.at
		for end < len(r.text) && r.text[end] != r.separator && r.text[end] != '\n' {
			end++
		}
		cell, r.at = r.text[r.at:end], end
		if end == len(r.text) || r.text[end] == '\n' {
			cell = strings.TrimSuffix(cell, "\r")
		}
	}
	switch {
	case r.at == len(r.text):
		return cell, false, nil
	case r.text[r.at] == '\n':
		r.at++
		r.line++
		return cell, false, nil
	}
	r.at++
	return cell, true, nil
}

// quoted reads a cell in double quotes, and leaves the reader at what ends it.
func (r *rowReader) quoted(column int) (string, error) {
	begin, line := r.at+1, r.line
	for i := begin; i < len(r.text); i++ {
		switch {
		case r.text[i] == '\n':
			r.line++
		case r.text[i] != '"':
		case i+1 < len(r.text) && r.text[i+1] == '"':
			i++
		default:
			cell := strings.ReplaceAll(r.text[begin:i], `""`, `"`)
			r.at = i + 1
			if strings.HasPrefix(r.text[r.at:], "\r\n") || r.text[r.at:] == "\r" {
				r.at++
			}
			if r.at < len(r.text) && r.text[r.at] != r.separator && r.text[r.at] != '\n' {
				return "", &rowsError{r.line, column, "there is text behind the closing quote: a quote within a cell is written twice"}
			}
			return strings.ReplaceAll(cell, "\r\n", "\n"), nil
		}
	}
	return "", &rowsError{line, column, "the quote that opens this cell is never closed"}
}
