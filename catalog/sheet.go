package catalog

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"portreeve/fault"
)

// Bounds of a sheet.
const (
	MaxSheet      = 10 << 20 // bytes
	MaxSheetRows  = MaxEdited
	maxSheetCells = 100
	maxProblems   = 100
)

// What cells of a sheet say beside values. An empty one leaves its field as it is.
const (
	cellBack = "-"      // takes an edit back: what is declared or observed holds again
	cellNone = "(none)" // makes the field empty
)

// SheetProblem is something in a sheet, or in what somebody wants of many datasets, that cannot be.
type SheetProblem struct {
	Line    int    // of the file, from 1; 0 when it is not of a file
	Column  int    // number of the cell in the line, from 1; 0 for the whole line
	Head    string // the head of that column, or the field
	Message string
}

// SheetFields are the heads of a sheet of datasets behind source and name; SheetColumnFields those of one of columns.
var (
	SheetFields       = fields
	SheetColumnFields = []string{"column", "comment"}
)

// Sheet is what a CSV wants of datasets.
type Sheet struct {
	Items  []PlanItem
	Places map[string]int // by field, the number of its column from 1; that of words on columns is ColumnField("")
}

// ReadSheet reads a CSV whose first line names its columns: source and name, and any of Fields, or column and comment. It
// is UTF-8, its cells are parted by commas, semicolons or tabs. What is wrong is returned with its place, at most 100 places;
// there is no sheet then. An error is about the file as a whole and Invalid.
func ReadSheet(file []byte) (Sheet, []SheetProblem, error) {
	text, err := sheetText(file)
	if err != nil {
		return Sheet{}, nil, err
	}
	first, _, _ := strings.Cut(text, "\n")
	separator := separatorOf(first)
	if separator == 0 {
		return Sheet{}, nil, fault.Invalidf("file", "the first line has no columns parted by commas, semicolons or tabs: it must name them, source and name first")
	}
	rows, err := readRows(text, separator, maxSheetCells, MaxSheetRows+1)
	if bad, ok := errors.AsType[*rowsError](err); ok {
		return Sheet{}, []SheetProblem{{Line: bad.line, Column: bad.column, Message: bad.message}}, nil
	}
	if len(rows) == 0 {
		return Sheet{}, nil, fault.Invalidf("file", "the first line names no column")
	}
	r := sheetReader{sheet: Sheet{Places: map[string]int{}}, places: map[string]int{}, seen: map[string]int{}}
	if r.head(rows[0]) {
		for _, row := range rows[1:] {
			if len(r.problems) >= maxProblems {
				break
			}
			r.row(row)
		}
	}
	if len(r.problems) > 0 {
		return Sheet{}, r.problems[:min(len(r.problems), maxProblems)], nil
	}
	if len(r.sheet.Items) == 0 {
		return Sheet{}, nil, fault.Invalidf("file", "the file wants nothing changed: every cell is empty")
	}
	return r.sheet, nil, nil
}

// sheetText returns the text of a file, or Invalid of the field file when it is none that can be read.
func sheetText(file []byte) (string, error) {
	switch {
	case len(file) > MaxSheet:
		return "", fault.Invalidf("file", "the file is larger than %d MiB", MaxSheet>>20)
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return "", fault.Invalidf("file", "this is a workbook: save the sheet as CSV UTF-8 first")
	case bytes.HasPrefix(file, []byte("\x89PNG")) || bytes.HasPrefix(file, []byte("\xFF\xD8\xFF")) || bytes.HasPrefix(file, []byte("GIF8")) || bytes.HasPrefix(file, []byte("%PDF")):
		return "", fault.Invalidf("file", "this is a picture or a PDF: send the sheet as CSV UTF-8")
	case bytes.HasPrefix(file, []byte{0xFF, 0xFE}) || bytes.HasPrefix(file, []byte{0xFE, 0xFF}):
		return "", fault.Invalidf("file", "this file is UTF-16: save it as CSV UTF-8")
	}
	file = bytes.TrimPrefix(file, []byte("\xEF\xBB\xBF"))
	for at := 0; at < len(file); {
		r, n := utf8.DecodeRune(file[at:])
		if r == utf8.RuneError && n < 2 || r == 0 {
			line := 1 + bytes.Count(file[:at], []byte("\n"))
			place := at - bytes.LastIndexByte(file[:at], '\n')
			if r == 0 {
				return "", fault.Invalidf("file", "line %d, byte %d is a NUL: this is no text", line, place)
			}
			return "", fault.Invalidf("file", "line %d, byte %d (0x%X) is not UTF-8: the file may be Latin-1 or Windows-1252; save it as CSV UTF-8", line, place, file[at])
		}
		at += n
	}
	if len(bytes.TrimSpace(file)) == 0 {
		return "", fault.Invalidf("file", "the file is empty")
	}
	return string(file), nil
}

type sheetReader struct {
	sheet    Sheet
	places   map[string]int // index of each head
	heads    []string
	seen     map[string]int // line by dataset and column
	problems []SheetProblem
}

func (r *sheetReader) wrong(line, column int, head, format string, args ...any) {
	r.problems = append(r.problems, SheetProblem{line, column, head, fmt.Sprintf(format, args...)})
}

// head reads the first line, and reports whether the others can be read.
func (r *sheetReader) head(row textRow) bool {
	known := slices.Concat([]string{"source", "name"}, fields, SheetColumnFields)
	for i, cell := range row.cells {
		name := strings.ToLower(strings.Join(strings.Fields(cell), "_"))
		_, twice := r.places[name]
		switch {
		case name == "":
			r.wrong(row.line, i+1, "", "this column has no name")
		case !slices.Contains(known, name):
			r.wrong(row.line, i+1, cutText(cell, 60), "there is no field of this name%s", meant(name, known))
		case twice:
			r.wrong(row.line, i+1, name, "this column is there twice")
		}
		if twice || !slices.Contains(known, name) {
			name = "" // its cells are not read, those of the others are
		} else {
			r.places[name] = i
		}
		r.heads = append(r.heads, name)
	}
	for _, name := range []string{"source", "name"} {
		if _, ok := r.places[name]; !ok {
			r.wrong(row.line, 0, name, "there is no column %s: it says which dataset a line is about", name)
		}
	}
	if _, ok := r.places["comment"]; ok != r.ofColumns() {
		r.wrong(row.line, 0, "column", "words on columns need both heads: column and comment")
	}
	for i, name := range r.heads {
		switch {
		case !slices.Contains(fields, name):
		case r.ofColumns():
			r.wrong(row.line, i+1, name, "a sheet of columns has no fields of datasets: make two files")
		default:
			r.sheet.Places[name] = i + 1
		}
	}
	if r.ofColumns() {
		r.sheet.Places[columnField] = r.places["comment"] + 1
	}
	_, source := r.places["source"]
	_, named := r.places["name"]
	_, comment := r.places["comment"]
	return source && named && comment == r.ofColumns()
}

func (r *sheetReader) ofColumns() bool {
	_, ok := r.places["column"]
	return ok
}

// meant says which of the names may have been meant.
func meant(name string, known []string) string {
	best, far := "", 1+len(name)/3
	for _, k := range known {
		if d := distance(name, k); d <= far {
			best, far = k, d-1
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

func (r *sheetReader) row(row textRow) {
	if len(row.cells) != len(r.heads) {
		r.wrong(row.line, 0, "", "this line has %d cells, the first one has %d", len(row.cells), len(r.heads))
		return
	}
	cell := func(name string) string { return unguarded(row.cells[r.places[name]]) }
	key := Key{strings.TrimSpace(cell("source")), strings.TrimSpace(cell("name"))}
	if key.Source == "" || key.Name == "" {
		r.wrong(row.line, r.places["name"]+1, "name", "the line does not say which dataset it is about")
		return
	}
	about := key.String()
	if r.ofColumns() {
		about += "\x00" + cell("column")
	}
	if line := r.seen[about]; line > 0 {
		r.wrong(row.line, r.places["name"]+1, "name", "this is on line %d already", line)
		return
	}
	r.seen[about] = row.line
	var edits []Edit
	for i, head := range r.heads {
		if e, ok := r.edit(row, i, head, cell); ok {
			edits = append(edits, e)
		}
	}
	if len(edits) > 0 {
		r.sheet.Items = append(r.sheet.Items, PlanItem{Line: row.line, Keys: []Key{key}, Edits: edits})
	}
}

// edit reads what a cell wants, if anything.
func (r *sheetReader) edit(row textRow, i int, head string, cell func(string) string) (Edit, bool) {
	raw := row.cells[i]
	if head == "" || strings.TrimSpace(raw) == "" || head == "source" || head == "name" || head == "column" {
		return Edit{}, false
	}
	e := Edit{Field: head}
	if head == "comment" {
		e.Field = ColumnField(cell("column"))
	}
	if strings.TrimSpace(raw) == cellBack {
		return e, true
	}
	value, err := sheetValue(e.Field, raw)
	if err == nil {
		value, err = checkValue(e.Field, value)
	}
	if err != nil {
		r.wrong(row.line, i+1, head, "%s", fault.Message(err))
		return Edit{}, false
	}
	e.Value = &value
	return e, true
}

// sheetValue returns the value that a cell writes down.
func sheetValue(field, raw string) (string, error) {
	none := strings.TrimSpace(raw) == cellNone
	raw = unguarded(raw)
	switch {
	case isList(field):
		return listCell(field, raw, none)
	case none:
		return "", nil
	case field == FieldCertified:
		word := strings.ToLower(strings.TrimSpace(raw))
		if short, ok := map[string]string{"true": "yes", "1": "yes", "false": "no", "0": "no"}[word]; ok {
			word = short
		}
		return word, checkSyntax(field, word)
	case field == FieldFreshWithin:
		return secondsCell(raw)
	}
	return raw, nil
}

var ownerCell = regexp.MustCompile(`#?(\d+)\s*$`)

func listCell(field, raw string, none bool) (string, error) {
	if none {
		return ListValue(nil), nil
	}
	items := strings.FieldsFunc(raw, func(r rune) bool { return r == ';' || r == ',' || r == '\n' })
	for i, item := range items {
		items[i] = strings.TrimSpace(item)
		if field == FieldOwners {
			m := ownerCell.FindStringSubmatch(item)
			if m == nil {
				return "", fault.Invalidf(field, "%q has no number of a person, such as Ann Example #12", cutText(item, 60))
			}
			items[i] = m[1]
		}
	}
	return ListValue(items), nil
}

var spans = []struct {
	unit    string
	seconds int64
}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}

// secondsCell reads a span such as 2d, 6h, 15m, or seconds.
func secondsCell(raw string) (string, error) {
	text := strings.ToLower(strings.ReplaceAll(raw, " ", ""))
	per := int64(1)
	for _, s := range spans {
		if number, ok := strings.CutSuffix(text, s.unit); ok {
			text, per = number, s.seconds
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxFresh {
		return "", fault.Invalidf(FieldFreshWithin, "a span is written like 2d, 6h or 15m")
	}
	return FormatID(n * per), nil
}

func spanCell(seconds int64) string {
	for _, s := range spans {
		if seconds%s.seconds == 0 {
			return FormatID(seconds/s.seconds) + s.unit
		}
	}
	return ""
}

// guardedCell matches what a spreadsheet would run as a formula, or what means something to ReadSheet, behind any number of
// apostrophes.
var guardedCell = regexp.MustCompile(`^'*([=+\-@\t\r＝＋－＠]|\(none\)$)`)

// guarded puts an apostrophe before a cell that a spreadsheet would run; unguarded takes it off again. Everything else stays.
func guarded(cell string) string {
	if guardedCell.MatchString(cell) {
		return "'" + cell
	}
	return cell
}

func unguarded(cell string) string {
	if strings.HasPrefix(cell, "'") && guardedCell.MatchString(cell) {
		return cell[1:]
	}
	return cell
}

// SheetWriter writes sheets that ReadSheet reads.
type SheetWriter struct{ csv *csv.Writer }

// NewSheetWriter begins a sheet with its head: fields are SheetFields or SheetColumnFields. mark begins it with the mark by
// which spreadsheets know UTF-8.
func NewSheetWriter(w io.Writer, fields []string, mark bool) (*SheetWriter, error) {
	if mark {
		if _, err := io.WriteString(w, "\uFEFF"); err != nil {
			return nil, err
		}
	}
	s := &SheetWriter{csv.NewWriter(w)}
	return s, s.csv.Write(slices.Concat([]string{"source", "name"}, fields))
}

// Dataset writes the line of a dataset. names has the names of people by id.
func (s *SheetWriter) Dataset(d *Dataset, names map[int64]string) error {
	row := []string{guarded(d.Source), guarded(d.Name)}
	for _, field := range fields {
		cell := d.Value(field)
		switch {
		case field == FieldOwners:
			var owners []string
			for _, id := range d.Owners {
				owners = append(owners, strings.TrimSpace(ownerName(names[id])+" #"+FormatID(id)))
			}
			cell = strings.Join(owners, "; ")
		case isList(field):
			cell = strings.ReplaceAll(told(field, cell), ", ", "; ")
		case field == FieldFreshWithin && d.FreshWithin != nil:
			cell = spanCell(*d.FreshWithin)
		}
		row = append(row, guarded(cell))
	}
	return s.csv.Write(row)
}

// ownerName is a name without what would part it from others.
func ownerName(name string) string {
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == ';' || r == ',' || r == '\n' || r == '#' }), " ")
}

// Column writes the line of a column.
func (s *SheetWriter) Column(key Key, c *Column) error {
	return s.csv.Write([]string{guarded(key.Source), guarded(key.Name), guarded(c.Path), guarded(c.Comment)})
}

// Flush ends the sheet.
func (s *SheetWriter) Flush() error {
	s.csv.Flush()
	return s.csv.Error()
}
