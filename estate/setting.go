package estate

import (
	"net/url"
	"slices"
	"strings"

	"portreeve/catalog"
)

// The bounds of a setting.
const (
	maxList  = 1000
	maxValue = 8000
)

// setting reads a setting of the kind c.
func (r *reader) setting(f file, path string, e entry, c *catalog.Connector, d *declaration) {
	path = join(path, e.name)
	s := c.Setting(e.name)
	if s == nil {
		r.problem(e.key, path, "%s has no such setting%s", c.Title, meant(e.name, settingNames(c)))
		return
	}
	var values []item
	if s.List {
		values = r.list(f, path, e, maxList, maxValue)
	} else if text, ok := r.text(path, e, maxValue); ok {
		values = []item{{text, e.at}}
	}
	texts := make([]string, len(values))
	for i, v := range values {
		r.value(v.at, path, s, v.text)
		texts[i] = v.text
	}
	if len(values) == 0 {
		return
	}
	d.source.Config[s.Name] = strings.Join(texts, "\n")
	if namesSource(s.Name) {
		d.links = append(d.links, link{s, path, values})
	}
}

// nobodys checks a setting of a source of an unknown kind as far as that goes.
func (r *reader) nobodys(path string, e entry) {
	var names []string
	for i := range r.connectors {
		names = append(names, settingNames(&r.connectors[i])...)
	}
	path = join(path, e.name)
	if !slices.Contains(names, e.name) {
		r.problem(e.key, path, "no kind of source has such a setting%s", meant(e.name, names))
		return
	}
	if text, is := scalar(e.value); is {
		r.value(e.at, path, &catalog.ConnectorSetting{Name: e.name}, text)
	}
}

// value checks one value of a setting. It never tells the value of a secret.
func (r *reader) value(where at, path string, s *catalog.ConnectorSetting, v string) {
	refs, problem := references(v)
	switch {
	case problem != "":
		r.problem(where, path, "%s", problem)
	case s.Secret && !secretByReference(v, refs):
		r.problem(where, path, "this is a secret and must not stand in a file: write a reference, such as ${%s} or ${file:/run/secrets/%s}",
			strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")), s.Name)
	case !s.Secret && hasPassword(v):
		r.problem(where, path, "this address has a password or a token in it: write a reference in its place, such as ${PASSWORD}")
	case len(refs) == 0 && s.Check != nil && !namesSource(s.Name): // those are checked once sources are known
		if wrong := s.Check(v); wrong != "" {
			r.problem(where, path, "%s %s", quoted(v), wrong)
		}
	}
	for _, ref := range refs {
		switch value, problem := ref.resolve(r.env); {
		case problem != "":
			r.problem(where, path, "%s", problem)
		case s.List && strings.Contains(value, "\n"):
			r.problem(where, path, "%s stands for more than one line", ref.text)
		}
	}
}

// secretByReference reports whether a secret is one reference, or an address that has no other secret in it.
func secretByReference(v string, refs []reference) bool {
	if len(refs) == 1 && refs[0].text == v {
		return true
	}
	_, is := cutAddress(stand(v, refs))
	return is && !hasPassword(v)
}

// standIn stands for a reference where an address is taken apart.
const standIn = "portreeve-reference"

func stand(v string, refs []reference) string {
	for _, ref := range refs {
		v = strings.ReplaceAll(v, ref.text, standIn)
	}
	return v
}

// hasPassword reports whether an address has a password in it that is no reference.
func hasPassword(v string) bool {
	refs, _ := references(v)
	a, is := cutAddress(stand(v, refs))
	if !is {
		return false
	}
	if _, password, has := strings.Cut(a.user, ":"); has && password != standIn {
		return true
	}
	query, err := url.ParseQuery(a.query)
	for key, values := range query {
		if secretWord(key) && slices.ContainsFunc(values, func(v string) bool { return v != "" && v != standIn }) {
			return true
		}
	}
	return err != nil // what cannot be read may be anything
}

// address is scheme://user@hosts/path?query in its parts. net/url refuses those with several hosts.
type address struct{ scheme, user, hosts, path, query string }

func cutAddress(v string) (a address, is bool) {
	a.scheme, v, is = strings.Cut(v, "://")
	if !is || a.scheme == "" || strings.ContainsAny(a.scheme, "/?#@: ") {
		return a, false
	}
	v, _, _ = strings.Cut(v, "#")
	v, a.query, _ = strings.Cut(v, "?")
	if i := strings.IndexByte(v, '/'); i >= 0 {
		v, a.path = v[:i], v[i:]
	}
	if i := strings.LastIndexByte(v, '@'); i >= 0 {
		v, a.user = v[i+1:], v[:i]
	}
	a.hosts = v
	return a, true
}

// secretWord reports whether a parameter of an address is named like a secret.
func secretWord(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc([]string{"password", "passwd", "pwd", "secret", "token", "apikey", "api_key", "api-key"}, func(w string) bool {
		return strings.Contains(key, w)
	})
}
