package schemaregistry

import (
	"net"
	"net/url"
	"strings"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

const (
	defaultTimeout = 30 * time.Second
	maxTimeout     = 10 * time.Minute
)

// settings are a source's settings, checked.
type settings struct {
	urls                      []string // without a slash at the end
	user, password, token     string
	caFile, certFile, keyFile string
	kafka                     string   // OpenLineage's namespace of the cluster whose topics the subjects describe, or ""
	contexts                  []string // ".name", "." is the default one; empty: all
	include, exclude          []string
	timeout                   time.Duration
}

// Connector describes the settings of a schema registry and opens one.
func Connector() catalog.Connector {
	return catalog.Connector{
		Kind:  "schemaregistry",
		Title: "Schema Registry",
		Settings: []catalog.ConnectorSetting{
			{
				Name: "url", Required: true, List: true, Check: checkEach(checkURL),
				Help: "Address of the registry, or of each of its nodes; Apicurio's ends with /apis/ccompat/v7.",
			},
			{Name: "user", Help: "Who to log in as."},
			{Name: "password", Secret: true, Help: "The user's password."},
			{Name: "token", Secret: true, Help: "A bearer token to show instead of a user and a password."},
			{Name: "ca_file", Help: "File with the certificates (PEM) of the authorities to trust instead of the system's."},
			{Name: "cert_file", Help: "File with the certificate (PEM) to show to the registry."},
			{Name: "key_file", Help: "File with the key (PEM) of cert_file."},
			{Name: "kafka", Help: "The source, or the namespace such as kafka://host:9092, whose topics the subjects describe."},
			{Name: "contexts", List: true, Help: "Contexts to read, such as .staging, where . is the default one; all when it is left out."},
			{Name: "include", List: true, Help: "Subjects to read, where * stands for any text; all when it is left out."},
			{Name: "exclude", List: true, Help: "Subjects not to read, where * stands for any text."},
			{Name: "timeout", Check: checkTimeout, Default: defaultTimeout.String(), Help: "How long to wait for one answer."},
		},
		Open: open,
	}
}

// parseSettings returns Invalid with the setting's name as the field for one that is wrong.
func parseSettings(config map[string]string) (settings, error) {
	connector := Connector()
	for _, known := range connector.Settings {
		value := config[known.Name]
		if known.Required && strings.TrimSpace(value) == "" {
			return settings{}, fault.Invalidf(known.Name, "the setting %s is missing", known.Name)
		}
		if value == "" || known.Check == nil {
			continue
		}
		if wrong := known.Check(value); wrong != "" {
			return settings{}, fault.Invalidf(known.Name, "the setting %s %s", known.Name, wrong)
		}
	}
	s := settings{
		user: config["user"], password: config["password"], token: config["token"],
		caFile: config["ca_file"], certFile: config["cert_file"], keyFile: config["key_file"],
		kafka:   strings.TrimRight(strings.TrimSpace(config["kafka"]), "/"),
		include: lines(config["include"]), exclude: lines(config["exclude"]), timeout: defaultTimeout,
	}
	for _, u := range lines(config["url"]) {
		s.urls = append(s.urls, strings.TrimRight(u, "/"))
	}
	for _, c := range lines(config["contexts"]) {
		s.contexts = append(s.contexts, "."+strings.TrimLeft(strings.Trim(c, ":"), "."))
	}
	if v := config["timeout"]; v != "" {
		s.timeout, _ = time.ParseDuration(v)
	}
	return s, s.together()
}

// together checks how the settings go together.
func (s *settings) together() error {
	switch {
	case (s.certFile == "") != (s.keyFile == ""):
		return fault.Invalidf("cert_file", "the settings cert_file and key_file go together")
	case s.user == "" && s.password != "":
		return fault.Invalidf("user", "the setting user is missing, as there is a password")
	case s.token != "" && s.user != "":
		return fault.Invalidf("token", "the settings token and user exclude each other")
	case s.kafka != "" && !strings.Contains(s.kafka, "://"):
		return fault.Invalidf("kafka", "the setting kafka is neither a declared source nor a namespace like kafka://host:9092")
	}
	if s.password+s.token == "" {
		return nil
	}
	for _, address := range s.urls { // of all, since each may be asked when another does not answer
		if !private(address) {
			return fault.Invalidf("url", "the setting url must begin with https:// where a password or a token is shown, "+
				"or everybody on the way could read it; only this computer may be asked by http")
		}
	}
	return nil
}

// private reports whether nobody on the way can read what is sent to an address.
func private(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || strings.EqualFold(u.Hostname(), "localhost") || ip != nil && ip.IsLoopback()
}

// wants reports whether the settings ask for a subject.
func (s *settings) wants(subject string) bool {
	if len(s.contexts) > 0 {
		context, _ := splitContext(subject)
		found := false
		for _, c := range s.contexts {
			found = found || c == context
		}
		if !found {
			return false
		}
	}
	return (len(s.include) == 0 || catalog.MatchesAny(s.include, subject)) && !catalog.MatchesAny(s.exclude, subject)
}

// splitContext parts ":.context:subject", as registries write a subject outside the default context, which is ".".
func splitContext(subject string) (context, name string) {
	if rest, ok := strings.CutPrefix(subject, ":."); ok {
		if context, name, ok := strings.Cut(rest, ":"); ok {
			return "." + context, name
		}
	}
	return ".", subject
}

// lines splits a list setting.
func lines(text string) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func checkEach(check func(string) string) func(string) string {
	return func(value string) string {
		for _, line := range lines(value) {
			if wrong := check(line); wrong != "" {
				return wrong
			}
		}
		return ""
	}
}

func checkURL(value string) string {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "is not an address like https://registry.example:8081"
	case u.User != nil:
		return "must not hold a user or a password: the settings user and password do"
	case u.RawQuery != "" || u.Fragment != "":
		return "must not hold a ? or a #"
	}
	return ""
}

func checkTimeout(value string) string {
	if d, err := time.ParseDuration(value); err != nil || d < time.Second || d > maxTimeout {
		return "must be a duration like 30s, from 1s to " + maxTimeout.String()
	}
	return ""
}
