package catalog

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"portreeve/fault"
)

// Limits of what is kept of foreign text, in bytes.
const (
	maxName    = 1024
	maxText    = 64 << 10 // descriptions and comments
	maxShort   = 1024     // titles, teams, types
	maxColumns = 20_000
)

// clean makes foreign metadata fit to keep: text that Postgres would refuse or nobody could read is mended or cut. A name
// cannot be mended without naming another thing, so a bad one is Invalid.
func clean(o *Observation) error {
	if o.Name == "" || len(o.Name) > maxName || !storable(o.Name) {
		return fault.Invalidf("name", "the name %.60q is empty, longer than %d bytes or not text", o.Name, maxName)
	}
	if !slices.Contains(kinds, o.Kind) {
		return fault.Invalidf("kind", "%.60q is no kind of dataset", o.Kind)
	}
	if o.Standing < Holds || o.Standing > Describes {
		return fault.Invalidf("standing", "%d is no standing of a dataset", o.Standing)
	}
	if len(o.Columns) > maxColumns {
		return fault.Invalidf("columns", "%d columns are more than the %d that can be shown", len(o.Columns), maxColumns)
	}
	for _, s := range []*string{&o.Title, &o.Team, &o.Domain, &o.Deprecated, &o.Location, &o.Format, &o.NativeID, &o.SnapshotID} {
		*s = tidy(*s, maxShort)
	}
	o.Description, o.Definition, o.Version = tidy(o.Description, maxText), tidy(o.Definition, maxText), tidy(o.Version, maxName)
	o.Identifiers = cleanIdentifiers(o.Identifiers)
	for _, list := range []*[]string{&o.Tags, &o.Partitioning, &o.SortOrder, &o.Estimated} {
		out := make([]string, 0, len(*list))
		for _, s := range *list {
			if s = tidy(s, maxShort); s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
		*list = out
	}
	o.Properties = tidyMap(o.Properties)
	cleanFigures(o)
	for i := range o.Columns {
		c := &o.Columns[i]
		c.Position = i
		c.Path, c.Type, c.Comment, c.NativeID = tidy(c.Path, maxShort), tidy(c.Type, maxShort), tidy(c.Comment, maxText), tidy(c.NativeID, maxShort)
	}
	return nil
}

// cleanFigures takes what cannot be true for unknown: it would be refused by the database, and all that is written with it.
func cleanFigures(o *Observation) {
	for _, n := range []**int64{&o.RowCount, &o.ByteCount, &o.FileCount} {
		if *n != nil && **n < 0 {
			*n = nil
		}
	}
	if o.DataAt != nil && !possible(*o.DataAt) {
		o.DataAt = nil
	}
	o.Snapshots = slices.DeleteFunc(slices.Clone(o.Snapshots), func(n Snapshot) bool { return !possible(n.At) })
	for i := range o.Snapshots {
		o.Snapshots[i].Summary = tidyMap(o.Snapshots[i].Summary)
	}
	if o.Detail.Schema != nil {
		schema := *o.Detail.Schema
		schema.Versions = slices.DeleteFunc(slices.Clone(schema.Versions), func(v SchemaVersion) bool {
			return v.Version < math.MinInt32 || v.Version > math.MaxInt32
		})
		o.Detail.Schema = &schema
	}
}

// possible reports whether something may have happened at t, which a source may count from anything.
func possible(t time.Time) bool { return t.Year() > 0 && t.Year() < 10_000 }

func tidyMap(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[tidy(k, maxShort)] = tidy(v, maxShort)
	}
	return out
}

func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// tidy returns s as valid text without NUL, at most limit bytes of it.
func tidy(s string, limit int) string {
	if !storable(s) {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	}
	return cutText(strings.TrimSpace(s), limit)
}

// cutText cuts s to at most limit bytes, at the border of a character, and marks the cut.
func cutText(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
