package postgres

import (
	"cmp"
	"net/url"
	"strings"
)

// fromURL reads a URL as libpq understands it, of which net/url refuses those with several hosts. What is wrong is told in words
// that follow "url", without any part of it: where a URL is malformed, any part may be one of the password.
func (a *address) fromURL(text string) (wrong string) {
	rest, ok := strings.CutPrefix(text, "postgres://")
	if !ok {
		if rest, ok = strings.CutPrefix(text, "postgresql://"); !ok {
			return "is not a URL like postgres://user:password@host:5432/database"
		}
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	at := strings.LastIndexByte(authority, '@')
	user, password, _ := strings.Cut(authority[:max(at, 0)], ":")
	values, err := url.ParseQuery(query)
	if err != nil {
		return "has parameters that cannot be read; in a password, ? & / # and % must be percent-encoded"
	}
	texts := map[string]string{"user": user, "password": password, "dbname": path}
	for name, value := range texts {
		if texts[name], err = url.PathUnescape(value); err != nil {
			return "has a % that is not followed by two digits; in a password, it must be written %25"
		}
	}
	if wrong := a.fromQuery(texts, values); wrong != "" {
		return wrong
	}
	a.database, a.user, a.password = texts["dbname"], texts["user"], texts["password"]
	if a.database == "" || a.user == "" {
		return "must name a user and a database: postgres://user:password@host:5432/database"
	}
	if strings.ContainsRune(a.database+a.user+a.password, 0) {
		return "holds a NUL character"
	}
	hosts := strings.Split(cmp.Or(values.Get("host"), authority[at+1:]), ",")
	for i := range hosts {
		if hosts[i], err = url.PathUnescape(hosts[i]); err != nil {
			return "has a host that is not a name, an address or host:port"
		}
	}
	return a.addHosts(hosts, strings.Split(cmp.Or(values.Get("port"), "5432"), ","))
}

// fromQuery takes the parameters of a URL.
func (a *address) fromQuery(texts map[string]string, values url.Values) (wrong string) {
	files := map[string]string{"sslrootcert": "ca_file", "sslcert": "cert_file", "sslkey": "key_file"}
	for name := range values {
		value := values.Get(name)
		switch name {
		case "user", "password", "dbname":
			texts[name] = value
		case "sslmode":
			a.sslmode = cmp.Or(a.sslmode, value)
		case "sslrootcert", "sslcert", "sslkey":
			if file := files[name]; a.tls[file] == "" {
				a.tls[file] = value
			}
		case "host", "port": // below
		case "application_name", "connect_timeout": // ours are used
		default:
			return "has a parameter that is not known here; known are sslmode, sslrootcert, sslcert, sslkey, host, port, user, " +
				"password and dbname"
		}
	}
	return ""
}
