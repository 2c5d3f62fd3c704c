package trino

import (
	"context"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

// The limits of what may be set.
const (
	mostParallel = 32
	leastTimeout = time.Second
	mostTimeout  = time.Hour
)

// Connector returns the connector of Trino clusters.
func Connector() catalog.Connector {
	return catalog.Connector{
		Kind:  "trino",
		Title: "Trino",
		Settings: []catalog.ConnectorSetting{
			{Name: "url", Help: "Address of the coordinator, such as https://trino.example:8443.", Required: true, Check: checkURL},
			{Name: "user", Help: "User to ask as; not needed with a token or a client certificate that says who it is.", Default: "portreeve"},
			{Name: "password", Help: "Password of the user; https only.", Secret: true},
			{Name: "jwt", Help: "JSON Web Token to show instead of a password; https only.", Secret: true},
			{Name: "cert_file", Help: "File with the client certificate, PEM."},
			{Name: "key_file", Help: "File with the key of the client certificate, PEM."},
			{Name: "ca_file", Help: "File with the authorities that may have signed Trino's certificate, PEM; else those of the system."},
			{Name: "catalogs", Help: "Catalogs to read; else all but those of system, jmx and generated data.", List: true},
			{
				Name: "schemas_exclude", Help: "Schemas to leave out: schema or catalog.schema, with * for any text.", List: true,
				Default: "information_schema\npg_catalog", Check: checkPattern,
			},
			{Name: "session_properties", Help: "Session properties of each query: name=value.", List: true, Check: checkPair},
			{Name: "source", Help: "Source tag by which Trino's operators find our queries.", Default: "portreeve", Check: checkToken},
			{Name: "client_tags", Help: "Client tags, by which a resource group can be chosen.", List: true, Check: checkToken},
			{Name: "roles", Help: "Roles to take on: catalog=role, or system=role.", List: true, Check: checkPair},
			{Name: "parallel", Help: "Most queries that run at a time.", Default: "2", Check: checkParallel},
			{Name: "timeout", Help: "Time that one query gets, such as 60s.", Default: "60s", Check: checkTimeout},
			{
				Name: "same", Help: "What system a catalog reads: catalog=namespace, or catalog=namespace|database; its tables are the same things.",
				List: true, Check: checkSame,
			},
		},
		Open: Open,
	}
}

// settings are those of a source, read.
type settings struct {
	url                           *url.URL
	user, password, jwt           string
	certFile, keyFile, caFile     string
	catalogs, exclude, clientTags []string
	session, roles                map[string]string
	same                          map[string]twin // by catalog
	source                        string
	parallel                      int
	timeout                       time.Duration
}

// twin is the system whose tables a catalog shows.
type twin struct{ namespace, prefix string }

// who names the user in errors.
func (s *settings) who() string {
	if s.user == "" {
		return "of the token or certificate"
	}
	return s.user
}

// Open prepares to ask the cluster that src describes and does not ask it yet. It returns Invalid for a bad setting.
func Open(_ context.Context, src catalog.Source) (catalog.Connection, error) {
	c, err := open(src)
	if err != nil {
		return catalog.Connection{}, err
	}
	return catalog.Connection{Crawler: c, Close: c.db.Close}, nil
}

// read checks the settings of a source and returns them.
func read(config map[string]string) (settings, error) {
	connector := Connector()
	get := func(name string) string {
		if value := strings.TrimSpace(config[name]); value != "" {
			return value
		}
		return connector.Setting(name).Default
	}
	for _, s := range connector.Settings {
		value := get(s.Name)
		if s.Required && value == "" {
			return settings{}, fault.Invalidf(s.Name, "%s is missing", s.Name)
		}
		if wrong := checkAll(s, value); wrong != "" {
			return settings{}, fault.Invalidf(s.Name, "%s %s", s.Name, wrong)
		}
	}
	address, err := url.Parse(get("url"))
	if err != nil {
		return settings{}, fault.Invalidf("url", "url is no address")
	}
	out := settings{
		url: address, user: get("user"), password: config["password"], jwt: strings.TrimSpace(config["jwt"]),
		certFile: get("cert_file"), keyFile: get("key_file"), caFile: get("ca_file"),
		catalogs: lines(strings.ToLower(get("catalogs"))), exclude: lines(strings.ToLower(get("schemas_exclude"))),
		clientTags: lines(get("client_tags")), session: pairs(get("session_properties")), roles: pairs(get("roles")),
		same: map[string]twin{}, source: get("source"),
	}
	out.parallel, _ = strconv.Atoi(get("parallel"))     // checked above
	out.timeout, _ = time.ParseDuration(get("timeout")) // checked above
	if config["user"] == "" && (out.jwt != "" || out.certFile != "") {
		out.user = "" // the token or certificate says who it is
	}
	for name, system := range pairs(get("same")) {
		namespace, prefix, _ := strings.Cut(system, "|")
		out.same[strings.ToLower(name)] = twin{namespace: namespace, prefix: prefix}
	}
	return out, out.check()
}

// check tells settings that do not go together.
func (s *settings) check() error {
	secure := s.url.Scheme == "https"
	switch {
	case s.password != "" && !secure:
		return fault.Invalidf("password", "password needs a url that begins with https://, or everybody on the way could read it")
	case s.jwt != "" && !secure:
		return fault.Invalidf("jwt", "jwt needs a url that begins with https://, or everybody on the way could read it")
	case s.password != "" && s.jwt != "":
		return fault.Invalidf("jwt", "jwt and password are two ways to log in: set one of them")
	case (s.certFile == "") != (s.keyFile == ""):
		return fault.Invalidf("key_file", "cert_file and key_file belong together: set both or none")
	case (s.certFile != "" || s.caFile != "") && !secure:
		return fault.Invalidf("url", "url must begin with https:// for certificates to be used")
	}
	return nil
}

func checkAll(s catalog.ConnectorSetting, value string) string {
	if s.Check == nil || value == "" {
		return ""
	}
	if !s.List {
		return s.Check(value)
	}
	for _, item := range lines(value) {
		if wrong := s.Check(item); wrong != "" {
			return wrong
		}
	}
	return ""
}

// lines returns the items of a list setting.
func lines(value string) []string {
	var out []string
	for item := range strings.SplitSeq(value, "\n") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// pairs returns the items name=value of a list setting by name.
func pairs(value string) map[string]string {
	out := map[string]string{}
	for _, item := range lines(value) {
		name, v, _ := strings.Cut(item, "=")
		out[strings.TrimSpace(name)] = strings.TrimSpace(v)
	}
	return out
}

func checkURL(value string) string {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return "is no address like https://trino.example:8443"
	case u.User != nil:
		return "holds a user: set user and password instead"
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "has more than a host and a port: name catalogs in catalogs"
	}
	return ""
}

func checkPattern(value string) string {
	if _, err := path.Match(value, ""); err != nil {
		return "is no pattern like tmp_*"
	}
	return ""
}

func checkPair(value string) string {
	name, _, ok := strings.Cut(value, "=")
	if name = strings.TrimSpace(name); !ok || name == "" || checkToken(name) != "" {
		return "has an item that is not name=value"
	}
	return ""
}

// checkToken accepts what can stand in a list in an HTTP header.
func checkToken(value string) string {
	for _, r := range value {
		if r <= ' ' || r > '~' || r == ',' || r == '=' {
			return "must be of letters, digits and signs, without blanks and commas"
		}
	}
	return ""
}

func checkParallel(value string) string {
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > mostParallel {
		return "must be a number from 1 to " + strconv.Itoa(mostParallel)
	}
	return ""
}

func checkTimeout(value string) string {
	if d, err := time.ParseDuration(value); err != nil || d < leastTimeout || d > mostTimeout {
		return "must be a time from 1s to 1h"
	}
	return ""
}

func checkSame(value string) string {
	name, system, ok := strings.Cut(value, "=")
	namespace, _, _ := strings.Cut(system, "|")
	if scheme, host, found := strings.Cut(namespace, "://"); !ok || strings.TrimSpace(name) == "" || !found || scheme == "" || host == "" {
		return "has an item that is not like app=postgres://db:5432|app"
	}
	return ""
}
