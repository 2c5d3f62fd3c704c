package dbt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Limits of what is read of a file that others wrote.
const (
	maxFile  = 4 << 30   // bytes of an artifact
	maxValue = 32 << 20  // bytes of one node, result or entry
	maxKey   = 4 << 10   // bytes of a member's name
	maxDepth = 500       // objects and lists in one another
	maxKept  = 256 << 20 // bytes of names and messages that an index may hold
)

var (
	errCut    = errors.New("the text ends too early")
	errSyntax = errors.New("no JSON")
	errDeep   = fmt.Errorf("more than %d objects in one another", maxDepth)
	errTooBig = errors.New("too much text for one value")
)

// scanner walks over a JSON text of any size, of which it holds one block at a time. It finds where values begin and end,
// and leaves it to encoding/json to check and decode those that are wanted: what is skipped may be wrong within.
type scanner struct {
	src  io.Reader // nil: all is in buf
	buf  []byte
	pos  int   // in buf, of the next byte
	base int64 // offset of buf in the text
}

func newScanner(src io.Reader) *scanner {
	return &scanner{src: src, buf: make([]byte, 0, 256<<10)}
}

// scanBytes walks over a text in memory.
func scanBytes(text []byte) *scanner { return &scanner{buf: text} }

// offset returns where the next byte is in the text.
func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

// fill reads the next block when the last one is used up. The end of the text is errCut: who asks for more needs more.
func (s *scanner) fill() error {
	if s.pos < len(s.buf) {
		return nil
	}
	if s.src == nil {
		return errCut
	}
	s.base += int64(len(s.buf))
	s.pos, s.buf = 0, s.buf[:cap(s.buf)]
	for {
		n, err := s.src.Read(s.buf)
		if n > 0 {
			s.buf = s.buf[:n]
			return nil
		}
		if err != nil {
			s.buf = s.buf[:0]
			if errors.Is(err, io.EOF) {
				return errCut
			}
			return err
		}
	}
}

// peek skips white space and returns the byte after it, which stays.
func (s *scanner) peek() (byte, error) {
	for {
		if err := s.fill(); err != nil {
			return 0, err
		}
		switch c := s.buf[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return c, nil
		}
	}
}

// take skips white space and the byte want.
func (s *scanner) take(want byte) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c != want {
		return errSyntax
	}
	s.pos++
	return nil
}

// object calls member for each member of an object in turn. member must consume the value. Null has no members.
func (s *scanner) object(member func(key string) error) error {
	return s.list('{', '}', func() error {
		raw, err := s.value(nil, maxKey)
		if err != nil {
			return err
		}
		var key string
		if raw[0] != '"' || json.Unmarshal(raw, &key) != nil {
			return errSyntax
		}
		if err := s.take(':'); err != nil {
			return err
		}
		return member(key)
	})
}

// array calls element for each element of an array in turn. element must consume it. Null has no elements.
func (s *scanner) array(element func() error) error { return s.list('[', ']', element) }

func (s *scanner) list(first, last byte, element func() error) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c == 'n' {
		return s.skip()
	}
	if err := s.take(first); err != nil {
		return err
	}
	if c, err = s.peek(); err != nil {
		return err
	}
	if c == last {
		s.pos++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if c, err = s.peek(); err != nil {
			return err
		}
		s.pos++
		switch c {
		case last:
			return nil
		case ',':
		default:
			s.pos--
			return errSyntax
		}
	}
}

// skip consumes a value.
func (s *scanner) skip() error {
	_, err := s.value(nil, 0)
	return err
}

// value consumes a value and returns dst with its text appended. Of a limit of 0 it keeps nothing; a text longer than the
// limit is consumed to its end and errTooBig.
func (s *scanner) value(dst []byte, limit int) ([]byte, error) {
	if _, err := s.peek(); err != nil {
		return dst, err
	}
	var end ending
	size := 0
	for {
		if err := s.fill(); err != nil {
			if errors.Is(err, errCut) && end.bare {
				break // a number or a word that is the whole text
			}
			return dst, err
		}
		n, done, err := end.find(s.buf[s.pos:])
		if err != nil {
			return dst, err
		}
		if size += n; size <= limit {
			dst = append(dst, s.buf[s.pos:s.pos+n]...)
		}
		s.pos += n
		if done {
			break
		}
	}
	if size == 0 {
		return dst, errSyntax
	}
	if limit > 0 && size > limit {
		return dst, errTooBig
	}
	return dst, nil
}

// ending looks for the end of a value in block after block.
type ending struct {
	depth   int
	quoted  bool // within a string
	escaped bool // after its backslash
	bare    bool // within a number, true, false or null
}

// find returns how many bytes of block belong to the value and whether it ends there.
func (e *ending) find(block []byte) (n int, done bool, err error) {
	for i := 0; i < len(block); i++ {
		if e.quoted {
			if i = e.string(block, i); i == len(block) {
				return i, false, nil
			}
			if e.depth == 0 {
				return i + 1, true, nil
			}
			continue
		}
		switch block[i] {
		case '"':
			if e.bare {
				return i, true, nil
			}
			e.quoted = true
		case '{', '[':
			if e.bare {
				return i, true, nil
			}
			if e.depth++; e.depth > maxDepth {
				return i, false, errDeep
			}
		case '}', ']':
			if e.depth == 0 {
				return i, true, nil
			}
			if e.depth--; e.depth == 0 {
				return i + 1, true, nil
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if e.depth == 0 {
				return i, true, nil
			}
		default:
			e.bare = e.depth == 0
		}
	}
	return len(block), false, nil
}

// string returns where the quote is that ends the string which goes on at i, or the length of the block.
func (e *ending) string(block []byte, i int) int {
	for ; i < len(block); i++ {
		switch {
		case e.escaped:
			e.escaped = false
		case block[i] == '\\':
			e.escaped = true
		case block[i] == '"':
			e.quoted = false
			return i
		}
	}
	return i
}
