package trino

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// definition is what SHOW CREATE TABLE says of a table.
type definition struct {
	columns    []column
	comment    string
	properties map[string]string   // of the WITH clause: texts without their quotes, other values as they are written
	lists      map[string][]string // those of the properties that are arrays of texts
}

var errDDL = errors.New("the text of SHOW CREATE TABLE is not as expected")

// maxDDL is the most bytes of a CREATE TABLE that are read.
const maxDDL = 16 << 20

// parseTable reads the text of SHOW CREATE TABLE.
func parseTable(text string) (definition, error) {
	s := &ddl{rest: text}
	d := definition{properties: map[string]string{}, lists: map[string][]string{}}
	if len(text) > maxDDL || !s.word("CREATE") || !s.word("TABLE") {
		return d, errDDL
	}
	for more := true; more; more = s.sign(".") {
		if _, ok := s.name(); !ok {
			return d, errDDL
		}
	}
	if !s.sign("(") {
		return d, errDDL
	}
	for more := true; more; more = s.sign(",") {
		c, ok := s.column()
		if !ok {
			return d, errDDL
		}
		d.columns = append(d.columns, c)
	}
	if !s.sign(")") {
		return d, errDDL
	}
	if s.word("COMMENT") {
		var ok bool
		if d.comment, ok = s.text(); !ok {
			return d, errDDL
		}
	}
	if s.word("WITH") && !s.properties(&d) {
		return d, errDDL
	}
	return d, nil
}

// ddl is the text that is still to be read.
type ddl struct{ rest string }

func (s *ddl) skip() { s.rest = strings.TrimLeft(s.rest, " \n\r\t") }

// sign takes a sign off the front.
func (s *ddl) sign(sign string) bool {
	s.skip()
	rest, ok := strings.CutPrefix(s.rest, sign)
	s.rest = rest
	return ok
}

// word takes a word in capital letters off the front.
func (s *ddl) word(word string) bool {
	s.skip()
	rest, ok := strings.CutPrefix(s.rest, word)
	if ok && rest != "" && !strings.ContainsRune(" \n\r\t(),'", rune(rest[0])) {
		return false
	}
	if ok {
		s.rest = rest
	}
	return ok
}

// name takes a name off the front, quoted or not.
func (s *ddl) name() (string, bool) {
	s.skip()
	if strings.HasPrefix(s.rest, `"`) {
		n := quotedLength(s.rest)
		if n < 2 {
			return "", false
		}
		name := strings.ReplaceAll(s.rest[1:n-1], `""`, `"`)
		s.rest = s.rest[n:]
		return name, true
	}
	end := strings.IndexAny(s.rest, " \n\r\t.(),='\"")
	if end <= 0 {
		return "", false
	}
	name := s.rest[:end]
	s.rest = s.rest[end:]
	return name, true
}

// column takes a column off the front: name type [DEFAULT value] [NOT NULL] [COMMENT text] [WITH (properties)].
func (s *ddl) column() (column, bool) {
	name, ok := s.name()
	if !ok {
		return column{}, false
	}
	c := column{name: name, typ: s.typ()}
	for ok && c.typ != "" {
		switch {
		case s.word("NOT"):
			ok = s.word("NULL")
			c.required = true
		case s.word("COMMENT"):
			c.comment, ok = s.text()
		case s.word("DEFAULT"), s.word("WITH"):
			s.typ() // a value, or properties in brackets
		default:
			s.skip()
			return c, strings.HasPrefix(s.rest, ",") || strings.HasPrefix(s.rest, ")")
		}
	}
	return c, false
}

// typ takes a type off the front: all up to a comma, a bracket that it did not open, or one of the words that may follow it.
func (s *ddl) typ() string {
	s.skip()
	depth, end := 0, 0
scan:
	for end < len(s.rest) {
		switch c := s.rest[end]; c {
		case '"', '\'':
			end += max(1, literalLength(s.rest[end:], c))
			continue
		case '(', '[':
			depth++
		case ')', ']':
			if depth--; depth < 0 {
				break scan
			}
		case ',':
			if depth == 0 {
				break scan
			}
		case ' ':
			if depth == 0 && follows(s.rest[end:]) {
				break scan
			}
		}
		end++
	}
	typ := strings.TrimSpace(s.rest[:end])
	s.rest = s.rest[end:]
	return typ
}

func follows(text string) bool {
	for _, word := range []string{" NOT NULL", " COMMENT ", " DEFAULT ", " WITH ("} {
		if strings.HasPrefix(text, word) {
			return true
		}
	}
	return false
}

// literalLength returns the length of what text begins with in quotes, which are doubled within; 0 if it is never closed.
func literalLength(text string, quote byte) int {
	for i := 1; i < len(text); i++ {
		if text[i] != quote {
			continue
		}
		if i+1 < len(text) && text[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return 0
}

// text takes a text off the front: 'it”s' or U&'\2603'.
func (s *ddl) text() (string, bool) {
	s.skip()
	rest, escaped := strings.CutPrefix(s.rest, "U&")
	if !strings.HasPrefix(rest, "'") {
		return "", false
	}
	n := literalLength(rest, '\'')
	if n == 0 {
		return "", false
	}
	text := strings.ReplaceAll(rest[1:n-1], "''", "'")
	s.rest = rest[n:]
	if escaped {
		text = unescape(text)
	}
	return text, true
}

// unescape resolves \2603, \+01F600 and \\. What is no such thing stays.
func unescape(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		digits, skip := 4, 0
		if strings.HasPrefix(after, "+") {
			digits, skip = 6, 1
		}
		text = after
		switch code, ok := hex(after, skip, digits); {
		case strings.HasPrefix(after, `\`):
			b.WriteByte('\\')
			text = after[1:]
		case !ok:
			b.WriteByte('\\')
		default:
			text = after[skip+digits:]
			if low, ok := hex(strings.TrimPrefix(text, `\`), 0, 4); utf16.IsSurrogate(code) && strings.HasPrefix(text, `\`) && ok {
				code, text = utf16.DecodeRune(code, low), text[5:]
			}
			b.WriteRune(code)
		}
	}
}

func hex(text string, from, digits int) (rune, bool) {
	if len(text) < from+digits {
		return 0, false
	}
	code, err := strconv.ParseUint(text[from:from+digits], 16, 32)
	return rune(min(code, utf8.MaxRune)), err == nil
}

// properties takes "(name = value, …)" off the front.
func (s *ddl) properties(d *definition) bool {
	if !s.sign("(") {
		return false
	}
	for more := true; more; more = s.sign(",") {
		name, ok := s.name()
		if !ok || !s.sign("=") {
			return false
		}
		before := s.rest
		if text, ok := s.text(); ok {
			d.properties[name] = text
			continue
		}
		if list, ok := s.list(); ok {
			d.lists[name] = list
			continue
		}
		s.rest = before
		d.properties[name] = s.typ()
	}
	return s.sign(")")
}

// list takes ARRAY['a','b'] off the front.
func (s *ddl) list() ([]string, bool) {
	if !s.sign("ARRAY[") {
		return nil, false
	}
	var out []string
	if s.sign("]") {
		return out, true
	}
	for more := true; more; more = s.sign(",") {
		text, ok := s.text()
		if !ok {
			return nil, false
		}
		out = append(out, text)
	}
	return out, s.sign("]")
}
