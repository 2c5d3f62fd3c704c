package postgres

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/catalog"
	"portreeve/fault"
)

var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

var settings = []catalog.ConnectorSetting{
	{
		Name: "url", Secret: true,
		Help: "Address in one piece, postgres://user:password@host:5432/database, instead of host, port, database, user and password.",
	},
	{Name: "host", List: true, Help: "Hosts of the server, tried in order; each a name, an address or host:port."},
	{Name: "port", Default: "5432", Help: "Port of the hosts that name none.", Check: checkPort},
	{Name: "database", Help: "Name of the database."},
	{Name: "user", Help: "Role to log in as; it needs no right on any table."},
	{Name: "password", Secret: true, Help: "Password of the role."},
	{
		Name: "sslmode", Default: "verify-full", Check: checkSSLMode,
		Help: "How TLS is used, as libpq spells it; on loopback and Unix sockets the default is prefer.",
	},
	{Name: "ca_file", Help: "PEM file of the authorities that may sign the server's certificate; default those of the system."},
	{Name: "cert_file", Help: "PEM file of the client certificate."},
	{Name: "key_file", Help: "PEM file of the client certificate's key."},
	{Name: "schemas", List: true, Help: "Schemas to read; default all but the system's and those of extensions."},
	{
		Name: "exclude", List: true,
		Help: "Patterns of what to leave out, where * is any text: a schema (audit_*) or tables (public.tmp_*).",
	},
	{Name: "statement_timeout", Default: "30s", Check: checkTimeout, Help: "Longest time that a query may take on the server."},
}

func checkPort(text string) string {
	if n, err := strconv.ParseUint(text, 10, 16); err != nil || n == 0 {
		return "is not a port like 5432"
	}
	return ""
}

func checkSSLMode(text string) string {
	if !slices.Contains(sslModes, text) {
		return "is not one of " + strings.Join(sslModes, ", ")
	}
	return ""
}

func checkTimeout(text string) string {
	if t, err := time.ParseDuration(text); err != nil || t < time.Second || t > time.Hour {
		return "is not a time between 1s and 1h, like 30s"
	}
	return ""
}

func parseTimeout(text string) (time.Duration, error) {
	text = cmp.Or(text, "30s")
	if wrong := checkTimeout(text); wrong != "" {
		return 0, fault.Invalidf("statement_timeout", "statement_timeout %s", wrong)
	}
	return time.ParseDuration(text)
}

// lines returns the texts of a list setting.
func lines(text string) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// compilePattern makes an expression of a pattern in which * is any text.
func compilePattern(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)^` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + `$`)
}

// address is where a database is and who asks.
type address struct {
	hosts    []string // without ports; or a folder of a Unix socket
	ports    []string // of each host
	database string
	user     string
	password string
	sslmode  string
	tls      map[string]string // ca_file, cert_file, key_file
}

// parseAddress reads where the database is from the settings. Errors are Invalid and never hold a value that may be a secret.
func parseAddress(config map[string]string) (*address, error) {
	a := &address{sslmode: config["sslmode"], tls: map[string]string{}}
	for _, name := range []string{"ca_file", "cert_file", "key_file"} {
		a.tls[name] = config[name]
	}
	if config["url"] == "" {
		if err := a.fromSettings(config); err != nil {
			return nil, err
		}
	} else {
		for _, name := range []string{"host", "database", "user", "password"} {
			if config[name] != "" {
				return nil, fault.Invalidf(name, "url and %s are both set; write one or the other", name)
			}
		}
		if wrong := a.fromURL(config["url"]); wrong != "" {
			return nil, fault.Invalidf("url", "url %s", wrong)
		}
	}
	if a.sslmode == "" {
		a.sslmode = "verify-full"
		if !slices.ContainsFunc(a.hosts, func(h string) bool { return !isLocal(h) }) {
			a.sslmode = "prefer"
		}
	}
	if wrong := checkSSLMode(a.sslmode); wrong != "" {
		return nil, fault.Invalidf("sslmode", "sslmode %s", wrong)
	}
	return a, nil
}

func (a *address) fromSettings(config map[string]string) error {
	for _, name := range []string{"host", "database", "user"} {
		if config[name] == "" {
			return fault.Invalidf(name, "%s is not set; set url, or host, database and user", name)
		}
	}
	a.database, a.user, a.password = config["database"], config["user"], config["password"]
	port := cmp.Or(config["port"], "5432")
	if wrong := checkPort(port); wrong != "" {
		return fault.Invalidf("port", "port %s", wrong)
	}
	if wrong := a.addHosts(lines(config["host"]), []string{port}); wrong != "" {
		return fault.Invalidf("host", "host %s", wrong)
	}
	for name, value := range map[string]string{"database": a.database, "user": a.user, "password": a.password} {
		if strings.ContainsRune(value, 0) {
			return fault.Invalidf(name, "%s holds a NUL character", name)
		}
	}
	return nil
}

const maxHosts = 10

// addHosts takes hosts that may have a port of their own; ports hold for the others, one for each or one for all.
func (a *address) addHosts(hosts, ports []string) (wrong string) {
	if len(hosts) == 0 || len(hosts) > maxHosts {
		return fmt.Sprintf("must name 1 to %d hosts", maxHosts)
	}
	for i, host := range hosts {
		port := ports[min(i, len(ports)-1)]
		if strings.HasPrefix(host, "/") {
			a.hosts, a.ports = append(a.hosts, host), append(a.ports, port)
			continue
		}
		if h, p, err := net.SplitHostPort(host); err == nil {
			host, port = h, p
		} else {
			host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		}
		if host == "" || strings.ContainsAny(host, " ,/@'\\[]\x00\t\r\n") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "has a host that is not a name, an address or host:port"
		}
		if checkPort(port) != "" {
			return "has a port that is not a number like 5432"
		}
		a.hosts, a.ports = append(a.hosts, host), append(a.ports, port)
	}
	return ""
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasPrefix(host, "/") || ip != nil && ip.IsLoopback()
}

// place is what errors call the database.
func (a *address) place() string {
	return fmt.Sprintf("the database %s at %s", a.database, strings.Join(a.hostPorts(), ", "))
}

func (a *address) hostPorts() []string {
	out := make([]string, len(a.hosts))
	for i, host := range a.hosts {
		out[i] = net.JoinHostPort(host, a.ports[i])
	}
	return out
}

// namespaces returns OpenLineage's names of the server, one for each host.
func (a *address) namespaces() []string {
	out := make([]string, len(a.hosts))
	for i, host := range a.hosts {
		if strings.HasPrefix(host, "/") {
			host = url.PathEscape(host) // as libpq writes a socket in a URL
		}
		out[i] = "postgres://" + net.JoinHostPort(host, a.ports[i])
	}
	return out
}

// poolConfig returns what the driver is to do. Nothing comes from the portal's own environment or home: its PGPASSWORD is not
// for this server.
func (a *address) poolConfig() (*pgxpool.Config, error) {
	security, err := readCertificates(a.tls)
	if err != nil {
		return nil, err
	}
	sslmode := a.sslmode
	if sslmode == "require" && security.authorities != nil {
		sslmode = "verify-ca" // as the driver and libpq do when they read the file themselves
	}
	var dsn strings.Builder
	for _, kv := range [][2]string{
		{"host", strings.Join(a.hosts, ",")},
		{"port", strings.Join(a.ports, ",")},
		{"dbname", a.database},
		{"user", a.user},
		{"password", a.password},
		{"passfile", ""},
		{"sslmode", sslmode},
		{"sslrootcert", ""}, // read above, since the driver would wait for a pipe and read a device without end
		{"sslcert", ""},
		{"sslkey", ""},
		{"connect_timeout", "10"},
		{"target_session_attrs", "any"},
	} {
		fmt.Fprintf(&dsn, "%s='%s' ", kv[0], strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(kv[1]))
	}
	config, err := pgxpool.ParseConfig(dsn.String())
	if err != nil { // it may hold the password
		return nil, fault.Invalidf("", "the settings of %s do not fit together: look at sslmode and the files of TLS", a.place())
	}
	security.use(config.ConnConfig)
	config.MaxConns, config.MinConns = 2, 0
	config.MaxConnIdleTime = time.Minute
	config.PingTimeout = 5 * time.Second
	// A pooler such as PgBouncer accepts these two and refuses others; it may change the server process between transactions.
	config.ConnConfig.RuntimeParams = map[string]string{"application_name": "portreeve", "client_encoding": "UTF8"}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	return config, nil
}
