package dbt

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// text is a string; other scalars, as some versions of dbt write them, are their spelling, and all else is "".
type text string

// UnmarshalJSON never fails.
func (t *text) UnmarshalJSON(raw []byte) error {
	*t = ""
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) == nil {
			*t = text(s)
		}
	case '{', '[', 'n':
	default:
		*t = text(raw)
	}
	return nil
}

// texts is a list of strings; a string alone is a list of one, and what is no string is left out.
type texts []string

// UnmarshalJSON never fails.
func (t *texts) UnmarshalJSON(raw []byte) error {
	*t = nil
	var list []text
	switch raw[0] {
	case '[':
		_ = json.Unmarshal(raw, &list) // a text never fails
	case '"':
		list = make([]text, 1)
		_ = list[0].UnmarshalJSON(raw)
	}
	for _, s := range list {
		if s != "" {
			*t = append(*t, string(s))
		}
	}
	return nil
}

// number is a whole number, also one that is written as a text or as 1234.0, or nil.
type number struct{ *int64 }

// UnmarshalJSON never fails.
func (n *number) UnmarshalJSON(raw []byte) error {
	n.int64 = nil
	var t text
	_ = t.UnmarshalJSON(raw)
	s := strings.TrimSpace(string(t))
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		n.int64 = &i
	} else if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<62 {
		i := int64(math.Round(f))
		n.int64 = &i
	}
	return nil
}

// count returns the number if it can be one of rows or bytes.
func (n number) count() *int64 {
	if n.int64 == nil || *n.int64 < 0 {
		return nil
	}
	return n.int64
}

// members is an object whose members keep their order. Of two of one name the last counts, in the place of the first.
// What is no object has none.
type members []member

type member struct {
	key   string
	value json.RawMessage
}

// UnmarshalJSON never fails on what encoding/json lets through.
func (m *members) UnmarshalJSON(raw []byte) error {
	*m = nil
	if raw[0] != '{' {
		return nil
	}
	met := map[string]int{}
	s := scanBytes(bytes.Clone(raw))
	return s.object(func(key string) error {
		value, err := s.value(nil, maxValue)
		if err != nil {
			return err
		}
		if i, again := met[key]; again {
			(*m)[i].value = value
			return nil
		}
		met[key] = len(*m)
		*m = append(*m, member{key, value})
		return nil
	})
}

// moment reads a time as the versions of dbt and its adapters write them, without a zone in UTC; nil if it is none.
func moment(s text) *time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999"} {
		if at, err := time.Parse(layout, string(s)); err == nil && at.Year() > 1 {
			at = at.UTC()
			return &at
		}
	}
	return nil
}
