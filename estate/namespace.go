package estate

import (
	"strings"

	"portreeve/catalog"
)

// link is a setting that may name other sources, whose namespaces are meant.
type link struct {
	setting *catalog.ConnectorSetting
	path    string
	values  []item
}

// namesSource reports whether a setting tells namespaces, each of which may be given as the slug of a source: the topics of
// a schema registry are those of a cluster, the tables of a dbt project or of a catalog of Trino those of a database.
func namesSource(setting string) bool {
	return setting == "kafka" || setting == "database_namespace" || setting == "same"
}

// link puts namespaces in the place of the slugs that settings name.
func (r *reader) link() {
	for _, d := range r.declared {
		r.now = d
		for _, l := range d.links {
			texts := make([]string, len(l.values))
			for i, v := range l.values {
				texts[i] = r.linked(d, l, v)
			}
			written, text := d.source.Config[l.setting.Name], strings.Join(texts, "\n")
			d.source.Config[l.setting.Name] = text
			if text != written {
				d.source.Config[declaredPrefix+l.setting.Name] = written
			}
		}
	}
	r.now = nil
}

// declaredPrefix begins the entries of a source's Config that keep what is written where a setting stands for something
// else. They are for people: connectors never see them.
const declaredPrefix = "declared:"

// IsDeclared reports whether an entry of a Config is no setting, but how one is written.
func IsDeclared(name string) bool { return strings.HasPrefix(name, declaredPrefix) }

// Declared returns a setting as it is written, if that is not what config has for it: the name of a source for its namespace.
func Declared(config map[string]string, name string) (written string, is bool) {
	written, is = config[declaredPrefix+name]
	return written, is
}

// linked returns a value of a setting with namespaces for slugs: "app" as "postgres://db:5432", "pg=app|orders" as
// "pg=postgres://db:5432|orders".
func (r *reader) linked(d *declaration, l link, v item) string {
	value := v.text
	head, name, tail := "", value, ""
	if before, after, found := strings.Cut(value, "="); found && l.setting.List {
		head, name = before+"=", after
		if before, after, found := strings.Cut(name, "|"); found {
			name, tail = before, "|"+after
		}
	}
	if slugs.MatchString(name) {
		other := r.declared[name]
		switch {
		case other == nil:
			r.problem(v.at, l.path, "there is no source %s%s", name, meant(name, r.slugsDeclared()))
			return value
		case other == d:
			r.problem(v.at, l.path, "a source cannot name itself")
			return value
		case other.source.Kind == "", other.bad && other.source.Namespace == "": // what is wrong with it is told there
			d.bad = true
			return value
		case other.source.Namespace == "":
			r.problem(v.at, l.path, "the source %s has no namespace: give it one", name)
			return value
		}
		value = head + other.source.Namespace + tail
	}
	if hasReference(value) {
		return value
	}
	if l.setting.Check == nil && !strings.Contains(value, "://") {
		r.problem(v.at, l.path, "%s is neither a source that is declared nor a namespace such as kafka://host:9092", quoted(value))
	}
	if l.setting.Check != nil {
		if wrong := l.setting.Check(value); wrong != "" {
			r.problem(v.at, l.path, "%s %s", quoted(value), wrong)
		}
	}
	return value
}

// ports are those that kinds of sources listen on unless told otherwise.
var ports = map[string]string{"kafka": "9092", "postgres": "5432", "trino": "80", "schemaregistry": ""}

// namespace returns the namespace that a source has unless one is given: what it is and where it listens, never a user or
// a password. It is "" where none can be told: also where a reference stands for the host, since what it stands for may be
// anything and namespaces are shown.
func (r *reader) namespace(src catalog.Source) string {
	port, known := ports[src.Kind]
	text := ""
	for _, setting := range []string{"url", "brokers", "host"} {
		if text == "" {
			text = masked(src.Config[setting])
		}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if !strings.Contains(first, "://") {
		first = src.Kind + "://" + first
	}
	a, is := cutAddress(first)
	host, _, _ := strings.Cut(strings.ToLower(a.hosts), ",")
	if src.Config["port"] != "" {
		port = src.Config["port"]
	} else if src.Kind == "trino" && a.scheme == "https" {
		port = "443"
	}
	switch {
	case !known || !is || host == "" || strings.ContainsAny(host, " \x00${}"):
		return ""
	case src.Kind == "schemaregistry" && strings.ContainsRune(a.path, 0):
		return ""
	case src.Kind == "schemaregistry": // it has no scheme of its own
		return a.scheme + "://" + host + strings.TrimRight(a.path, "/")
	case strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']'):
		return src.Kind + "://" + host
	}
	return src.Kind + "://" + host + ":" + port
}

// masked returns a text with a NUL for each reference.
func masked(text string) string {
	refs, _ := references(text) // what is wrong with one is told elsewhere
	for _, ref := range refs {
		text = strings.Replace(text, ref.text, "\x00", 1)
	}
	return text
}
