package kafka

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"portreeve/catalog"
	"portreeve/fault"
)

// The bounds of settings.
const (
	defaultPort     = "9092"
	defaultHours    = 48
	maxHours        = 168
	defaultTimeout  = 30 * time.Second
	maxTimeout      = 10 * time.Minute
	maxBrokerPhrase = 300 // bytes of all brokers in a message
)

// settings are a source's settings, checked.
type settings struct {
	brokers                   []string // host:port
	sasl, user, password      string
	tls                       bool
	caFile, certFile, keyFile string
	serverName                string
	include, exclude          []string
	internal, groups          bool
	volumeHours               int
	timeout                   time.Duration
}

// Connector describes the settings of a Kafka cluster and opens one.
func Connector() catalog.Connector {
	return catalog.Connector{
		Kind:  "kafka",
		Title: "Kafka",
		Settings: []catalog.ConnectorSetting{
			{
				Name: "brokers", Required: true, List: true, Check: checkEach(checkBroker),
				Help: "Brokers to begin with, host:port; the port is " + defaultPort + " when it is left out.",
			},
			{
				Name: "sasl", Check: checkOneOf("plain", "scram-sha-256", "scram-sha-512"),
				Help: "How to log in: plain, scram-sha-256 or scram-sha-512.",
			},
			{Name: "user", Help: "Who to log in as."},
			{Name: "password", Secret: true, Help: "The user's password."},
			{Name: "tls", Check: checkBool, Help: "Whether to connect by TLS; ca_file, cert_file and server_name imply it."},
			{Name: "ca_file", Help: "File with the certificates (PEM) of the authorities to trust instead of the system's."},
			{Name: "cert_file", Help: "File with the certificate (PEM) to show to the brokers."},
			{Name: "key_file", Help: "File with the key (PEM) of cert_file."},
			{Name: "server_name", Help: "The name that the brokers' certificates must be for, when it is not their address."},
			{
				Name: "include", List: true, Check: checkEach(checkPattern),
				Help: "Topics to read, where * stands for any text; all when it is left out.",
			},
			{Name: "exclude", List: true, Check: checkEach(checkPattern), Help: "Topics not to read, where * stands for any text."},
			{Name: "internal", Check: checkBool, Default: "false", Help: "Whether to read Kafka's own topics too, whose names begin with __."},
			{
				Name: "groups", Check: checkBool, Default: "true",
				Help: "Whether to read the consumer groups, as far as the user may describe them, and their lag.",
			},
			{
				Name: "volume_hours", Check: checkHours, Default: strconv.Itoa(defaultHours),
				Help: "For how many past hours to tell what was written in each; 0 for none.",
			},
			{Name: "timeout", Check: checkTimeout, Default: defaultTimeout.String(), Help: "How long to wait for one answer."},
		},
		Open: func(ctx context.Context, src catalog.Source) (catalog.Connection, error) {
			return open(ctx, src, clock)
		},
	}
}

// clock is the machine's: neither a broker nor the caller tells the time.
func clock() time.Time { return time.Now() } //nolint:forbidigo // see above

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
		sasl: config["sasl"], user: config["user"], password: config["password"],
		caFile: config["ca_file"], certFile: config["cert_file"], keyFile: config["key_file"], serverName: config["server_name"],
		include: lines(config["include"]), exclude: lines(config["exclude"]),
		volumeHours: defaultHours, timeout: defaultTimeout,
	}
	for _, b := range lines(config["brokers"]) {
		s.brokers = append(s.brokers, withPort(b))
	}
	s.internal, _ = strconv.ParseBool(cmp.Or(config["internal"], "false"))
	s.groups, _ = strconv.ParseBool(cmp.Or(config["groups"], "true"))
	if v := config["volume_hours"]; v != "" {
		s.volumeHours, _ = strconv.Atoi(v)
	}
	if v := config["timeout"]; v != "" {
		s.timeout, _ = time.ParseDuration(v)
	}
	return s, s.security(config["tls"])
}

// security checks how the settings of TLS and the login go together.
func (s *settings) security(asked string) error {
	implied := s.caFile != "" || s.certFile != "" || s.serverName != ""
	s.tls = implied
	if asked != "" {
		s.tls, _ = strconv.ParseBool(asked)
	}
	switch {
	case implied && !s.tls:
		return fault.Invalidf("tls", "the setting tls is false, but ca_file, cert_file or server_name asks for TLS")
	case (s.certFile == "") != (s.keyFile == ""):
		return fault.Invalidf("cert_file", "the settings cert_file and key_file go together")
	case s.sasl == "" && s.user+s.password != "":
		return fault.Invalidf("sasl", "the setting sasl is missing: a user and a password need plain, scram-sha-256 or scram-sha-512")
	case s.sasl != "" && (s.user == "" || s.password == ""):
		return fault.Invalidf("user", "the setting sasl needs both user and password")
	case s.sasl == "plain" && asked == "" && !s.tls:
		return fault.Invalidf("tls", "sasl plain would send the password in the clear: set tls to true, or to false to allow it")
	}
	return nil
}

// options are the client's. Every request, dial and retry is bounded by the timeout.
func (s *settings) options() ([]kgo.Opt, error) {
	options := []kgo.Opt{
		kgo.SeedBrokers(s.brokers...), kgo.ClientID("portreeve"),
		// One broker that takes connections and says nothing must leave time to ask another.
		kgo.DialTimeout(s.timeout / 3), kgo.RequestTimeoutOverhead(max(s.timeout/3, 100*time.Millisecond)),
		kgo.RetryTimeout(s.timeout), kgo.RequestRetries(5),
		kgo.DisableClientMetrics(),
	}
	if s.tls {
		config, err := catalog.TLSFiles(s.caFile, s.certFile, s.keyFile)
		if err != nil {
			return nil, err
		}
		config.ServerName = s.serverName
		options = append(options, kgo.DialTLSConfig(config))
	}
	if m := s.mechanism(); m != nil {
		options = append(options, kgo.SASL(m))
	}
	return options, nil
}

func (s *settings) mechanism() sasl.Mechanism {
	switch auth := (scram.Auth{User: s.user, Pass: s.password}); s.sasl {
	case "plain":
		return plain.Auth{User: s.user, Pass: s.password}.AsMechanism()
	case "scram-sha-256":
		return auth.AsSha256Mechanism()
	case "scram-sha-512":
		return auth.AsSha512Mechanism()
	}
	return nil
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

// withPort gives a broker the usual port if it names none.
func withPort(broker string) string {
	if _, _, err := net.SplitHostPort(broker); err == nil {
		return broker
	}
	return net.JoinHostPort(strings.Trim(broker, "[]"), defaultPort)
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

func checkBroker(value string) string {
	host, port, err := net.SplitHostPort(withPort(value))
	n, notNumber := strconv.ParseUint(port, 10, 16)
	if err != nil || notNumber != nil || n == 0 || host == "" || strings.ContainsAny(host, "/,@ \t") {
		return "has a broker that is not like kafka-1.example:9092"
	}
	return ""
}

func checkPattern(value string) string {
	if !legalName.MatchString(strings.ReplaceAll(value, "*", "a")) {
		return "has a pattern that is not like orders.* (names of topics hold letters, digits, dots, _ and -)"
	}
	return ""
}

func checkOneOf(all ...string) func(string) string {
	return func(value string) string {
		if slices.Contains(all, value) {
			return ""
		}
		return "must be one of " + strings.Join(all, ", ")
	}
}

func checkBool(value string) string { return checkOneOf("true", "false")(value) }

func checkHours(value string) string {
	if n, err := strconv.Atoi(value); err != nil || n < 0 || n > maxHours {
		return "must be a number from 0 to " + strconv.Itoa(maxHours)
	}
	return ""
}

func checkTimeout(value string) string {
	if d, err := time.ParseDuration(value); err != nil || d < time.Second || d > maxTimeout {
		return "must be a duration like 30s, from 1s to " + maxTimeout.String()
	}
	return ""
}
