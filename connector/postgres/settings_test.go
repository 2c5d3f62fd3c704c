package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/fault"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config map[string]string
		want   string // hosts | database | user | password | sslmode
	}{
		{"a URL", map[string]string{"url": "postgres://u:p@db.example/app"}, "db.example:5432|app|u|p|verify-full"},
		{"another scheme", map[string]string{"url": "postgresql://u@db.example:60/app?sslmode=require"}, "db.example:60|app|u||require"},
		{"percent signs", map[string]string{"url": "postgres://u%40x:p%3A%2F%3F%23@h/a%20b"}, "h:5432|a b|u@x|p:/?#|verify-full"},
		{"at signs and colons in the password", map[string]string{"url": "postgres://u:p@:q@h/app"}, "h:5432|app|u|p@:q|verify-full"},
		{"several hosts", map[string]string{"url": "postgres://u@a:1,b,[::1]:3/app"}, "a:1,b:5432,[::1]:3|app|u||verify-full"},
		{"loopback needs no certificate", map[string]string{"url": "postgres://u@localhost/app"}, "localhost:5432|app|u||prefer"},
		{
			"a socket",
			map[string]string{"url": "postgres:///app?host=/run/pg&user=u&password=p&port=6000"},
			"/run/pg:6000|app|u|p|prefer",
		},
		{"an encoded socket", map[string]string{"url": "postgres://u@%2Frun%2Fpg/app"}, "/run/pg:5432|app|u||prefer"},
		{"the setting wins", map[string]string{"url": "postgres://u@h/app?sslmode=disable", "sslmode": "require"}, "h:5432|app|u||require"},
		{
			"parts",
			map[string]string{"host": "a\nb:6000\n::1", "port": "7000", "database": "app", "user": "u", "password": "it's \\ "},
			`a:7000,b:6000,[::1]:7000|app|u|it's \ |verify-full`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := parseAddress(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join([]string{strings.Join(a.hostPorts(), ","), a.database, a.user, a.password, a.sslmode}, "|")
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			config, err := a.poolConfig()
			if err != nil {
				t.Fatal(err)
			}
			if c := config.ConnConfig; c.Password != a.password || c.User != a.user || c.Database != a.database || c.Host != a.hosts[0] {
				t.Errorf("the driver was told %s %s %s %s", c.Host, c.Database, c.User, c.Password)
			}
		})
	}
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := map[string]string{"host": "h", "database": "d", "user": "u", "password": "hush"}
	for _, tt := range []struct{ field, name, value string }{
		{"host", "host", ""},
		{"database", "database", ""},
		{"user", "user", ""},
		{"host", "host", "a,b"},
		{"host", "host", "a:b:c"},
		{"host", "host", "a:0"},
		{"host", "host", strings.Repeat("a\n", 1) + "b\nc\nd\ne\nf\ng\nh\ni\nj\nk"},
		{"port", "port", "65536"},
		{"sslmode", "sslmode", "on"},
		{"password", "password", "hu\x00sh"},
		{"host", "url", "postgres://u:hush@h/d"},
		{"ca_file", "ca_file", "/nowhere/ca.pem"},
		{"ca_file", "ca_file", text},
		{"ca_file", "ca_file", "/dev/zero"},
		{"cert_file", "cert_file", "/dev/zero"},
		{"key_file", "key_file", "/dev/zero"},
		{"key_file", "cert_file", text},
		{"cert_file", "cert_file", "/nowhere/cert.pem"},
	} {
		config := map[string]string{tt.name: tt.value}
		for name, value := range good {
			if _, set := config[name]; !set {
				config[name] = value
			}
		}
		wantBad(t, config, tt.field)
	}
	for _, url := range []string{
		"hush", "postgres://", "postgres://u:hush@h", "postgres://:hush@h/d", "postgres://u:hush@/d", "mysql://u:hush@h/d",
		"postgres://u:hu?sh@h/d", "postgres://u:hush/hush@h/d", "postgres://u:hush%@h/d", "postgres://u:hush%zz@h/d",
		"postgres://u:hush#@h:1/d?hush=1", "postgres://u:hush@h:hush/d", "postgres://u:hush@h/d?sslmode=hush",
		"postgres://u:hush@h/d?%zz=hush", "postgres://u:hush@h/%00",
	} {
		field := "url"
		if strings.Contains(url, "sslmode") {
			field = "sslmode"
		}
		wantBad(t, map[string]string{"url": url}, field)
	}
}

func wantBad(t *testing.T, config map[string]string, field string) {
	t.Helper()
	a, err := parseAddress(config)
	if err == nil {
		_, err = a.poolConfig()
	}
	e, ok := err.(*fault.Error) //nolint:errorlint // not wrapped
	if !ok || e.Kind != fault.Invalid || e.Field != field || e.Msg == "" {
		t.Errorf("%q: error %#v; want Invalid at %s", config, err, field)
		return
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("%q: the error tells a secret: %v", config, err)
	}
}

// What is meant for the portal's own database must not reach others.
func TestEnvironmentIsNotForOthers(t *testing.T) {
	pass := filepath.Join(t.TempDir(), "pgpass")
	if err := os.WriteFile(pass, []byte("*:*:*:*:hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"PGPASSWORD": "hush", "PGUSER": "hush", "PGHOST": "hush", "PGPORT": "1", "PGDATABASE": "hush", "PGSSLMODE": "disable",
		"PGSSLROOTCERT": "/nowhere", "PGSSLCERT": "/nowhere", "PGSSLKEY": "/nowhere", "PGPASSFILE": pass, "PGOPTIONS": "-c a=b",
		"PGAPPNAME": "hush", "PGTZ": "hush", "PGTARGETSESSIONATTRS": "read-write", "PGCONNECT_TIMEOUT": "9999",
	} {
		t.Setenv(name, value)
	}
	for range 2 {
		a, err := parseAddress(map[string]string{"url": "postgres://u@h/d"})
		if err != nil {
			t.Fatal(err)
		}
		config, err := a.poolConfig()
		if err != nil {
			t.Fatal(err)
		}
		c := config.ConnConfig
		if c.Password != "" || c.TLSConfig == nil || c.TLSConfig.InsecureSkipVerify || c.ValidateConnect != nil || c.ConnectTimeout > 1e11 {
			t.Errorf("the environment reached the driver: password %q, TLS %v", c.Password, c.TLSConfig)
		}
		want := map[string]string{"application_name": "portreeve", "client_encoding": "UTF8"}
		if diff := cmp.Diff(want, c.RuntimeParams); diff != "" {
			t.Errorf("parameters (-want +got):\n%s", diff)
		}
		t.Setenv("PGPASSWORD", "") // now the file
	}
}

func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"postgres://u:p@h/d", "postgres://u:p%40@a:1,[::1]:2,c/d?sslmode=require&host=/x&port=1,2", "postgresql:///d?user=u&password=p&host=h",
		"postgres://%2Frun/d", "postgres://u'\\ x@h/d'",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAddress(map[string]string{"url": text})
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		for name := range a.tls { // files are not to be opened here
			a.tls[name] = ""
		}
		config, err := a.poolConfig()
		if err != nil {
			if strings.Contains(fmt.Sprint(err), a.password) && len(a.password) > 20 {
				t.Fatal("the error tells the password")
			}
			return
		}
		c := config.ConnConfig
		if c.Host != a.hosts[0] || c.User != a.user || c.Password != a.password || c.Database != a.database {
			t.Fatalf("%q: the driver was told %q %q %q %q", text, c.Host, c.User, c.Password, c.Database)
		}
	})
}
