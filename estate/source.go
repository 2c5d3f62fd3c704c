package estate

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"

	"portreeve/catalog"
)

// declaration is a source as a file declares it.
type declaration struct {
	source catalog.Source
	links  []link // settings that name another source, or may
	bad    bool   // something is wrong with it
}

// The bounds of what is common to all sources.
const (
	maxTitle   = 200
	maxNote    = 8000
	maxName    = 300 // of a namespace
	maxAliases = 20
	minEvery   = time.Minute
	maxEvery   = 30 * 24 * time.Hour
	every      = time.Hour // unless declared otherwise
)

// Common are the keys that every source has, beside the settings of its kind.
var Common = []string{"kind", "title", "note", "namespace", "aliases", "every"}

var slugs = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// file reads what the top of a file declares.
func (r *reader) file(f file, root *ast.MappingNode) {
	for _, e := range r.entries(f, "", root) {
		read, known := map[string]func(file, entry){"sources": r.source, "teams": r.team, "domains": r.domain, "groups": r.group}[e.name]
		if !known {
			r.problem(e.key, e.name, "there is no such key%s", meant(e.name, sections))
			continue
		}
		r.sourcesMet = r.sourcesMet || e.name == "sources"
		for _, s := range r.entries(f, e.name, e.value) {
			read(f, s)
		}
	}
}

// source reads one source. Whatever is wrong with it, the rest of it is looked at as well.
func (r *reader) source(f file, e entry) {
	path := "sources." + e.name
	if other, twice := r.declared[e.name]; twice {
		other.bad = true // which of them is meant?
		r.problem(e.key, path, "this source is declared twice, first in %s", other.source.DeclaredIn)
		return
	}
	d := &declaration{source: catalog.Source{
		Slug: e.name, CrawlEvery: every, Config: map[string]string{}, Aliases: []string{},
		DeclaredIn: f.name + ":" + strconv.Itoa(e.key.line),
	}}
	r.declared[e.name], r.now = d, d
	defer func() { r.now = nil }()
	if !slugs.MatchString(e.name) {
		r.problem(e.key, path, "a source is named by at most 63 small letters, digits, - and _, with a letter first")
	}
	fields := r.entries(f, path, e.value)
	c, known := r.kind(e, path, fields)
	if known {
		d.source.Kind = c.Kind
	}
	for _, field := range fields {
		switch {
		case r.common(f, path, field, &d.source):
		case c != nil:
			r.setting(f, path, field, c, d)
		default:
			r.nobodys(path, field)
		}
	}
	if c == nil {
		return
	}
	r.missing(e, path, fields, c)
	if d.source.Namespace == "" {
		d.source.Namespace = r.namespace(d.source)
	}
}

// missing notes the required settings that a source has not got, but for those whose names are misspelt.
func (r *reader) missing(source entry, path string, fields []entry, c *catalog.Connector) {
	names := settingNames(c)
	for i := range c.Settings {
		s := &c.Settings[i]
		is := func(e entry) bool {
			return e.name == s.Name || c.Setting(e.name) == nil && Nearest(e.name, names) == s.Name
		}
		if s.Required && !slices.ContainsFunc(fields, is) {
			r.problem(source.key, join(path, s.Name), "this is missing: %s", help(s))
		}
	}
}

// kind returns the connector of a source and whether its kind is right. It notes what is wrong and then returns the connector
// that was probably meant, or nil.
func (r *reader) kind(source entry, path string, fields []entry) (c *catalog.Connector, known bool) {
	kinds := make([]string, len(r.connectors))
	for i := range r.connectors {
		kinds[i] = r.connectors[i].Kind
	}
	i := slices.IndexFunc(fields, func(e entry) bool { return e.name == "kind" })
	if i < 0 {
		if _, is := source.value.(*ast.MappingNode); is {
			r.problem(source.key, path+".kind", "this is missing: one of %s", strings.Join(kinds, ", "))
		}
		return nil, false
	}
	name, _ := scalar(fields[i].value)
	if at := slices.Index(kinds, name); at >= 0 {
		return &r.connectors[at], true
	}
	r.problem(fields[i].at, path+".kind", "there is no such kind%s: it is one of %s", strings.TrimSuffix(meant(name, kinds), "?"), strings.Join(kinds, ", "))
	if at := slices.Index(kinds, Nearest(name, kinds)); at >= 0 {
		return &r.connectors[at], false
	}
	return nil, false
}

// common reads a field that every source has and reports whether it is one.
func (r *reader) common(f file, path string, e entry, src *catalog.Source) bool {
	path = join(path, e.name)
	switch e.name {
	case "kind":
	case "title":
		src.Title, _ = r.text(path, e, maxTitle)
	case "note":
		src.Note = r.note(path, e)
	case "namespace":
		if text, ok := r.text(path, e, maxName); ok {
			src.Namespace = strings.TrimRight(text, "/")
			if !strings.Contains(text, "://") || strings.ContainsAny(text, " ${}@") {
				r.problem(e.at, path, "%s is not a namespace such as trino://trino.example.com:8443", quoted(text))
			}
		}
	case "aliases":
		for _, a := range r.list(f, path, e, maxAliases, maxName) {
			src.Aliases = append(src.Aliases, a.text)
			if strings.ContainsAny(a.text, " ${}@") {
				r.problem(a.at, path, "%s is not a namespace such as trino://trino.example.com:8443 or trino:8080", quoted(a.text))
			}
		}
	case "every":
		if text, ok := r.text(path, e, maxTitle); ok {
			src.CrawlEvery = r.every(path, e, text)
		}
	default:
		return false
	}
	return true
}

// every reads an interval: what time.ParseDuration takes, or days.
func (r *reader) every(path string, e entry, text string) time.Duration {
	var d time.Duration
	var err error
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(min(max(n, 0), 1000)) * 24 * time.Hour
	} else {
		d, err = time.ParseDuration(text)
	}
	switch {
	case err != nil:
		r.problem(e.at, path, "%s is not an interval such as 15m, 6h or 1d", quoted(text))
	case d < minEvery || d > maxEvery:
		r.problem(e.at, path, "%s is not between 1m and 30d", quoted(text))
	}
	return d
}

// text reads a value that is one line of at most limit characters.
func (r *reader) text(path string, e entry, limit int) (string, bool) {
	text, ok := scalar(e.value)
	text = strings.TrimSpace(text)
	switch {
	case !ok:
		r.problem(e.at, path, "here belongs a text, not %s", kindOf(e.value))
	case text == "":
		r.problem(e.at, path, "this is empty: leave it out or give it a value")
		ok = false
	case len([]rune(text)) > limit:
		r.problem(e.at, path, "this is longer than %d characters", limit)
		ok = false
	case strings.IndexFunc(text, unicode.IsControl) >= 0:
		r.problem(e.at, path, "this has more than one line, or characters that cannot be seen")
		ok = false
	}
	return text, ok
}

// note reads a text of several lines.
func (r *reader) note(path string, e entry) string {
	text, ok := scalar(e.value)
	text = strings.TrimSpace(text)
	odd := func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }
	switch {
	case !ok:
		r.problem(e.at, path, "here belongs a text, not %s", kindOf(e.value))
	case len([]rune(text)) > maxNote:
		r.problem(e.at, path, "this is longer than %d characters", maxNote)
	case strings.IndexFunc(text, odd) >= 0:
		r.problem(e.at, path, "this has characters that cannot be seen")
	}
	return text
}

// item is an entry of a list.
type item struct {
	text string
	at   at
}

// list reads a list of at most most texts, each a line of at most limit characters. A list of one may be written as a text.
func (r *reader) list(f file, path string, e entry, most, limit int) []item {
	seq, ok := e.value.(*ast.SequenceNode)
	if !ok {
		text, one := scalar(e.value)
		switch {
		case !one:
			r.problem(e.at, path, "here belongs a list, not %s", kindOf(e.value))
			return nil
		case strings.Contains(text, ","):
			r.problem(e.at, path, "here belongs a list, written with brackets: [a, b]")
			return nil
		}
		if text, ok := r.text(path, e, limit); ok {
			return []item{{text, e.at}}
		}
		return nil
	}
	if len(seq.Values) > most {
		r.problem(e.at, path, "this list has more than %d entries", most)
		return nil
	}
	items := make([]item, 0, len(seq.Values))
	seen := map[string]bool{}
	for i, v := range seq.Values {
		place := where(f, v)
		text, ok := r.text(path+"["+strconv.Itoa(i)+"]", entry{value: v, at: place}, limit)
		if ok && seen[text] {
			r.problem(place, path, "this stands in the list twice")
		} else if ok {
			items = append(items, item{text, place})
		}
		seen[text] = true
	}
	return items
}

// help is what a setting is for, in words that follow a colon.
func help(s *catalog.ConnectorSetting) string { return strings.TrimSuffix(s.Help, ".") }

// settingNames are what may stand in a source of a kind.
func settingNames(c *catalog.Connector) []string {
	names := slices.Clone(Common)
	for _, s := range c.Settings {
		names = append(names, s.Name)
	}
	return names
}

// slugsDeclared are the names of the sources that are declared, in order.
func (r *reader) slugsDeclared() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.declared)), func(name string) bool { return !slugs.MatchString(name) })
}
