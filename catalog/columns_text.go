package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"portreeve/fault"
)

// The ways in which people write columns down, as ReadColumns says which one it took a text for.
const (
	AsStatement = "a CREATE TABLE statement"
	AsTable     = "a table with a head line"
	AsLines     = "lines of name, type and words"
	AsJSON      = "JSON"
)

// maxColumnsText is the most bytes that ReadColumns reads.
const maxColumnsText = 512 << 10

// ReadColumns reads columns from what people paste: a CREATE TABLE statement, the first lines of a CSV, lines of a name, a type
// and words about it, or a JSON document. as says which it took text for. A text without columns is Invalid of the field
// columns; an empty one has none.
func ReadColumns(text string) (columns []Column, as string, err error) {
	text = strings.TrimSpace(strings.ReplaceAll(strings.TrimPrefix(text, "\uFEFF"), "\r\n", "\n"))
	if len(text) > maxColumnsText || !storable(text) {
		return nil, "", fault.Invalidf("columns", "this is longer than %d KiB or no text", maxColumnsText>>10)
	}
	if text == "" {
		return nil, "", nil
	}
	first, _, _ := strings.Cut(text, "\n")
	switch {
	case createTable.MatchString(text):
		as = AsStatement
		columns, err = columnsOfStatement(text)
	case text[0] == '{' || text[0] == '[':
		as = AsJSON
		columns, err = columnsOfJSON(text)
	case separatorOf(first) != 0 && !isColumnLine(first):
		as = AsTable
		columns, err = columnsOfTable(text, separatorOf(first))
	default:
		as = AsLines
		columns = columnsOfLines(text)
	}
	for i := range columns {
		columns[i].Position = i
	}
	if err == nil && len(columns) == 0 {
		err = fault.Invalidf("columns", "there are no columns in this")
	}
	if err == nil {
		err = checkColumns(columns)
	}
	return columns, as, err
}

// ColumnsText writes columns as lines that ReadColumns reads.
func ColumnsText(columns []Column) string {
	var b strings.Builder
	for _, c := range columns {
		kind := strings.Join(strings.Fields(c.Type), "")
		if kind == "" {
			kind = unknownType
		}
		fmt.Fprintf(&b, "%s %s", quoteName(c.Path), kind)
		if !c.Nullable {
			b.WriteString(" not null")
		}
		if c.Comment != "" {
			b.WriteString(" " + strings.Join(strings.Fields(c.Comment), " "))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// unknownType is the type of a column of which only the name is known.
const unknownType = "unknown"

func quoteName(path string) string {
	if strings.ContainsAny(path, " \t,;\"") {
		return "`" + path + "`"
	}
	return path
}

var (
	createTable = regexp.MustCompile(`(?is)^\s*create\s+(or\s+replace\s+)?((external|temporary|temp|unlogged)\s+)?(table|view)\b`)
	typeWord    = regexp.MustCompile(`(?i)^(unknown|text|string|varchar|char|character|nvarchar|clob|json|jsonb|xml|uuid|u?int\d*|integer|bigint|smallint|tinyint|hugeint|serial|bigserial|long|short|byte|bytes|binary|varbinary|blob|bytea|float\d*|double|real|decimal|numeric|number|money|bool|boolean|bit|date|time|timetz|timestamp|timestamptz|datetime|interval|array|map|row|struct|list|object|enum)\b`)
	lineOf      = regexp.MustCompile("^(?:`([^`]+)`|\"([^\"]+)\"|(\\S+?))[\\s:|]+(.*)$")
	notNull     = regexp.MustCompile(`(?i)^not\s+null\b[\s,]*`)
	nullWord    = regexp.MustCompile(`(?i)^null\b[\s,]*`)
)

// isColumnLine reports whether a line is a name and a known type.
func isColumnLine(line string) bool {
	m := lineOf.FindStringSubmatch(strings.TrimSpace(line))
	return m != nil && !strings.ContainsAny(m[3], ",;") && typeWord.MatchString(m[4])
}

// columnsOfLines reads lines such as "price decimal(10,2) not null What it costs". A line of one word is a name.
func columnsOfLines(text string) []Column {
	var out []Column
	for line := range strings.Lines(text) {
		line = strings.TrimRight(strings.TrimSpace(line), ",;")
		line = strings.TrimSpace(strings.TrimPrefix(line, "- "))
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "--") {
			continue
		}
		m := lineOf.FindStringSubmatch(line)
		if m == nil {
			out = append(out, Column{Path: strings.Trim(line, "`\""), Type: unknownType, Nullable: true})
			continue
		}
		c := Column{Path: m[1] + m[2] + m[3], Nullable: true}
		if typeWord.MatchString(m[4]) {
			c.Type, c.Comment = takeType(m[4])
		} else {
			c.Type, c.Comment = unknownType, m[4]
		}
		if rest := notNull.ReplaceAllString(c.Comment, ""); rest != c.Comment {
			c.Nullable, c.Comment = false, rest
		}
		c.Comment = strings.TrimSpace(strings.TrimLeft(nullWord.ReplaceAllString(c.Comment, ""), "-–—:|,# \t"))
		out = append(out, c)
	}
	return out
}

// takeType takes a type off the front of s: a word, what stands in brackets behind it, and the second words of types.
func takeType(s string) (kind, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool { return strings.ContainsRune(" \t|,;(<[", r) })
	if end < 0 {
		return s, ""
	}
	for end < len(s) && strings.IndexByte("(<[", s[end]) >= 0 {
		n := closing(s[end:])
		if n < 0 {
			break
		}
		end += n
	}
	for _, second := range []string{" precision", " varying", " with time zone", " without time zone", " unsigned"} {
		if len(s) >= end+len(second) && strings.EqualFold(s[end:end+len(second)], second) {
			end += len(second)
		}
	}
	return s[:end], strings.TrimSpace(strings.TrimLeft(s[end:], ",;| \t"))
}

// closing returns the index behind the bracket that closes the one that s begins with, -1 when none does.
func closing(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(', '<', '[':
			depth++
		case ')', '>', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// guessedFrom is how many lines of a CSV types are guessed from.
const guessedFrom = 200

// columnsOfTable reads the head of a CSV, and guesses the types from the lines below it.
func columnsOfTable(text string, separator rune) ([]Column, error) {
	rows, err := readRows(text, separator, maxColumns, guessedFrom)
	if broken, ok := errors.AsType[*rowsError](err); ok && len(rows) < guessedFrom {
		return nil, fault.Invalidf("columns", "line %d, column %d: %s", broken.line, broken.column, broken.message)
	}
	if len(rows) == 0 {
		return nil, fault.Invalidf("columns", "the first line names no column")
	}
	var out []Column
	for i, name := range rows[0].cells {
		c := Column{Path: JoinPath(strings.TrimSpace(name)), Type: unknownType, Nullable: true}
		if strings.TrimSpace(name) == "" {
			return nil, fault.Invalidf("columns", "column %d has no name in the first line", i+1)
		}
		guess := ""
		for _, row := range rows[1:] {
			if i < len(row.cells) && row.cells[i] != "" {
				guess = wider(guess, guessType(row.cells[i]))
			}
		}
		if guess != "" {
			c.Type = guess
		}
		out = append(out, c)
	}
	return out, nil
}

// guessType returns the narrowest type that a value of a CSV can have.
func guessType(v string) string {
	if _, err := strconv.ParseInt(v, 10, 64); err == nil && (v == "0" || strings.TrimLeft(v, "-+")[0] != '0') {
		return "bigint"
	}
	if _, err := strconv.ParseFloat(v, 64); err == nil && strings.ContainsAny(v, "0123456789") && strings.ContainsAny(v, ".eE") {
		return "double"
	}
	if strings.EqualFold(v, "true") || strings.EqualFold(v, "false") {
		return "boolean"
	}
	if _, err := time.Parse(time.DateOnly, v); err == nil {
		return "date"
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04:05"} {
		if _, err := time.Parse(layout, v); err == nil {
			return "timestamp"
		}
	}
	return "text"
}

func wider(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case a == "bigint" && b == "double" || a == "double" && b == "bigint":
		return "double"
	case a == "date" && b == "timestamp" || a == "timestamp" && b == "date":
		return "timestamp"
	}
	return "text"
}

// columnsOfJSON reads the keys of an object, of the first objects of a list, or of the first lines of NDJSON. What breaks off
// behind the first whole object is the beginning of a larger file.
func columnsOfJSON(text string) ([]Column, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if text[0] == '[' {
		_, _ = d.Token() // its items follow one by one
	}
	tree, seen := &shapeNode{}, 0
	for ; seen < guessedFrom && d.More(); seen++ {
		var object map[string]any
		err := d.Decode(&object)
		wrong, shape := errors.AsType[*json.UnmarshalTypeError](err)
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF) && seen > 0:
			return tree.columns(nil, nil), nil
		case shape && wrong.Field == "", err == nil && object == nil:
			return nil, fault.Invalidf("columns", "this is JSON, but no object with a key for each column")
		case err != nil:
			return nil, fault.Invalidf("columns", "this looks like JSON, but is not: %s", err)
		}
		if err := tree.add(object, 0); err != nil {
			return nil, err
		}
	}
	return tree.columns(nil, nil), nil
}

// shapeNode is what is known of a JSON object, or of one value in it.
type shapeNode struct {
	kind  string
	parts map[string]*shapeNode
}

const maxShapeDepth = 12

func (n *shapeNode) add(object map[string]any, depth int) error {
	if n.parts == nil {
		n.parts = map[string]*shapeNode{}
	}
	for name, v := range object {
		if n.parts[name] == nil {
			n.parts[name] = &shapeNode{}
		}
		part := n.parts[name]
		part.kind = wider(part.kind, jsonType(v, part.kind))
		if inner, ok := v.(map[string]any); ok {
			if depth == maxShapeDepth {
				return fault.Invalidf("columns", "objects lie within each other deeper than %d times", maxShapeDepth)
			}
			if err := part.add(inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// jsonType is the type of a JSON value; null is whatever was there before.
func jsonType(v any, before string) string {
	switch v := v.(type) {
	case nil:
		return before
	case bool:
		return "boolean"
	case json.Number:
		return guessType(v.String())
	case string:
		if t := guessType(v); t == "date" || t == "timestamp" {
			return t
		}
		return "text"
	case []any:
		return "array"
	}
	return "struct"
}

func (n *shapeNode) columns(out []Column, above []string) []Column {
	names := make([]string, 0, len(n.parts))
	for name := range n.parts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		part, path := n.parts[name], append(slices.Clone(above), name)
		kind := part.kind
		if kind == "" {
			kind = unknownType
		}
		out = append(out, Column{Path: JoinPath(path...), Type: kind, Nullable: true})
		if kind == "struct" {
			out = part.columns(out, path)
		}
	}
	return out
}

var (
	constraint = regexp.MustCompile(`(?i)^(primary|foreign|unique|check|constraint|key|index|exclude|like|partition)\b`)
	commentOf  = regexp.MustCompile(`(?is)\bcomment\s+'((?:[^']|'')*)'`)
	lineRemark = regexp.MustCompile(`--[^\n]*`)
	typeEnds   = regexp.MustCompile(`(?i)\s+(not\s+null|null|default|primary|unique|references|check|comment|collate|generated|constraint|options|encode|with)\b`)
)

// columnsOfStatement reads what stands in the brackets of CREATE TABLE name (…).
func columnsOfStatement(text string) ([]Column, error) {
	text = lineRemark.ReplaceAllString(text, "")
	from := strings.IndexByte(text, '(')
	if from < 0 {
		return nil, fault.Invalidf("columns", "this statement has no columns in brackets")
	}
	to := closing(text[from:])
	if to < 0 {
		to = len(text) - from + 1
	}
	var out []Column
	for _, part := range splitTop(text[from+1 : from+to-1]) {
		part = strings.TrimSpace(part)
		if part == "" || constraint.MatchString(part) {
			continue
		}
		m := lineOf.FindStringSubmatch(strings.Join(strings.Fields(part), " "))
		if m == nil {
			return nil, fault.Invalidf("columns", "%q is no column of a statement: a name and a type are", cutText(part, 60))
		}
		c := Column{Path: JoinPath(m[1] + m[2] + m[3]), Type: m[4], Nullable: true}
		if at := typeEnds.FindStringIndex(m[4]); at != nil {
			c.Type = m[4][:at[0]]
		}
		c.Nullable = !regexpNotNull.MatchString(m[4])
		if said := commentOf.FindStringSubmatch(m[4]); said != nil {
			c.Comment = strings.ReplaceAll(said[1], "''", "'")
		}
		out = append(out, c)
	}
	return out, nil
}

var regexpNotNull = regexp.MustCompile(`(?i)\b(not\s+null|primary\s+key)\b`)

// splitTop splits s at the commas that stand in no bracket and no quotes.
func splitTop(s string) (parts []string) {
	depth, from, quoted := 0, 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '<' || c == '[':
			depth++
		case c == ')' || c == '>' || c == ']':
			depth--
		case c == ',' && depth == 0:
			parts, from = append(parts, s[from:i]), i+1
		}
	}
	return append(parts, s[from:])
}
