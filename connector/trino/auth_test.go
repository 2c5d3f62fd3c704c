package trino

import (
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/test/stack"
)

// secured returns the settings of the stack's secured listener without a proof of who we are.
func secured(tb testing.TB) (*stack.Stack, map[string]string) {
	tb.Helper()
	s := stack.Of(tb)
	if !strings.HasPrefix(s.TrinoHTTPS, "https://") {
		tb.Fatal("the stack has no secured Trino")
	}
	return s, map[string]string{"url": s.TrinoHTTPS, "user": s.User, "ca_file": s.CA, "catalogs": "tpch"}
}

func TestLogsIn(t *testing.T) {
	t.Parallel()
	s, base := secured(t)
	expired := "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwb3J0cmVldmUifQ.c2ln"
	for _, tt := range []struct {
		name string
		set  map[string]string
		want fault.Kind // 0: comes in
		says string
	}{
		{"password", map[string]string{"password": s.Password}, 0, ""},
		{"token", map[string]string{"jwt": s.JWT}, 0, ""},
		{"token that says who it is", map[string]string{"jwt": s.JWT, "user": ""}, 0, ""},
		{"client certificate", map[string]string{"cert_file": s.ClientCert, "key_file": s.ClientKey, "user": ""}, 0, ""},
		{"wrong password", map[string]string{"password": "not " + s.Password}, fault.Forbidden, "password"},
		{"wrong token", map[string]string{"jwt": expired}, fault.Forbidden, "jwt"},
		{"no proof", nil, fault.Forbidden, "asks for a password"},
		{"unknown authority", map[string]string{"password": s.Password, "ca_file": ""}, fault.Unavailable, "ca_file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := map[string]string{}
			for _, m := range []map[string]string{base, tt.set} {
				maps.Copy(config, m)
			}
			scopes, err := newCrawler(t, config).Scopes(t.Context())
			if tt.want == 0 {
				if err != nil || len(scopes) == 0 {
					t.Errorf("scopes %q, %v", scopes, err)
				}
				return
			}
			wantMessage(t, err, tt.want, tt.says, s.Password)
		})
	}
}

// wantMessage checks that an error tells a person what to do and no secret, not even to the log.
func wantMessage(t *testing.T, err error, want fault.Kind, says, secret string) {
	t.Helper()
	if fault.KindOf(err) != want || !strings.Contains(fault.Message(err), says) {
		t.Errorf("error %v of the kind %v; want %v that says %q", err, fault.KindOf(err), want, says)
	}
	if err != nil && secret != "" && strings.Contains(err.Error(), secret) {
		t.Errorf("the error tells the password: %v", err)
	}
}

// What a listener may do to us that the stack's does not.
func TestSecureListenerGoesWrong(t *testing.T) {
	t.Parallel()
	status := http.StatusUnauthorized
	refusing := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(refusing.Close)
	plainText := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plainText.Close)
	moved := httptest.NewServer(http.RedirectHandler("https://elsewhere.invalid/", http.StatusFound))
	t.Cleanup(moved.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: refusing.Certificate().Raw})
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		config map[string]string
		want   fault.Kind
		says   string
	}{
		{"unknown authority", map[string]string{"url": refusing.URL, "password": "hush-hush"}, fault.Unavailable, "check ca_file"},
		{"wrong password", map[string]string{"url": refusing.URL, "password": "hush-hush", "ca_file": authority}, fault.Forbidden, "check user, and password"},
		{"http where https is said", map[string]string{"url": strings.Replace(plainText.URL, "http:", "https:", 1)}, fault.Unavailable, "speaks http"},
		{"moved", map[string]string{"url": moved.URL}, fault.Unavailable, "another address"},
		{"not there", map[string]string{"url": "http://127.0.0.1:1"}, fault.Unavailable, "does not answer"},
		{"another host", map[string]string{"url": strings.Replace(refusing.URL, "127.0.0.1", "localhost", 1), "ca_file": authority}, fault.Unavailable, "another host"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := newCrawler(t, tt.config).Scopes(t.Context())
			wantMessage(t, err, tt.want, tt.says, "hush-hush")
		})
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none.pem")
	for _, tt := range []struct {
		name   string
		config map[string]string
		field  string // at fault; "" for none
	}{
		{"no url", map[string]string{"url": ""}, "url"},
		{"no scheme", map[string]string{"url": "trino:8080"}, "url"},
		{"a user in the url", map[string]string{"url": "http://a:b@trino:8080"}, "url"},
		{"a path in the url", map[string]string{"url": "http://trino:8080/ui"}, "url"},
		{"a password over http", map[string]string{"password": "hush-hush"}, "password"},
		{"a token over http", map[string]string{"jwt": "hush-hush"}, "jwt"},
		{"a token and a password", map[string]string{"url": "https://t", "jwt": "hush-hush", "password": "hush-hush"}, "jwt"},
		{"a certificate without a key", map[string]string{"url": "https://t", "cert_file": none}, "key_file"},
		{"a certificate that is not there", map[string]string{"url": "https://t", "cert_file": none, "key_file": none}, "cert_file"},
		{"an authority that is not there", map[string]string{"url": "https://t", "ca_file": none}, "ca_file"},
		{"an authority without an end", map[string]string{"url": "https://t", "ca_file": "/dev/zero"}, "ca_file"},
		{"a certificate without an end", map[string]string{"url": "https://t", "cert_file": "/dev/zero", "key_file": none}, "cert_file"},
		{"a key without an end", map[string]string{"url": "https://t", "cert_file": "auth_test.go", "key_file": "/dev/zero"}, "key_file"},
		{"an authority over http", map[string]string{"ca_file": none}, "url"},
		{"no number", map[string]string{"parallel": "many"}, "parallel"},
		{"too many", map[string]string{"parallel": "100"}, "parallel"},
		{"no time", map[string]string{"timeout": "60"}, "timeout"},
		{"no pair", map[string]string{"session_properties": "a=b\nc"}, "session_properties"},
		{"no namespace", map[string]string{"same": "app=postgres"}, "same"},
		{"no pattern", map[string]string{"schemas_exclude": "[a"}, "schemas_exclude"},
		{"two tags in one", map[string]string{"client_tags": "a,b"}, "client_tags"},
		{"all well", map[string]string{
			"url": "https://trino.example", "password": "hush-hush", "session_properties": "query_priority=1", "roles": "system=reader",
			"client_tags": "a\nb", "parallel": "3", "timeout": "5m", "same": "app=postgres://db:5432|app", "schemas_exclude": "tmp_*\nlake.raw",
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := map[string]string{"url": "http://trino:8080"}
			maps.Copy(config, tt.config)
			c, err := open(catalog.Source{Config: config})
			if tt.field == "" {
				if err != nil || c.namespace != "trino://trino.example:443" {
					t.Errorf("crawler %+v, %v", c, err)
				}
				return
			}
			var e *fault.Error
			if e, _ = err.(*fault.Error); e == nil || e.Kind != fault.Invalid || e.Field != tt.field { //nolint:errorlint // it is what Open returns
				t.Fatalf("error %v, want one about %s", err, tt.field)
			}
			wantMessage(t, err, fault.Invalid, "", "hush-hush")
		})
	}
}

// A session property and a role reach the server, and one query's settings do not leak into the next.
func TestSession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newCrawler(t, map[string]string{"session_properties": "query_max_run_time=17m", "client_tags": "nightly\ncrawl", "source": prefix + "session"})
	for range 2 {
		rows, err := c.query(t.Context(), `SHOW SESSION LIKE 'query_max_run_time'`)
		if err != nil || len(rows) != 1 || rows[0][1] != "17m" {
			t.Errorf("session %q, %v", rows, err)
		}
		if _, err := c.query(t.Context(), `SET SESSION query_max_run_time = '1m'`); err != nil {
			t.Error(err)
		}
	}
	if rows := s.do(t, `SELECT count(*) FROM system.runtime.queries WHERE source = %s`, literal(prefix+"session")); rows[0][0] != "4" {
		t.Errorf("%s queries under the tag, want 4", rows[0][0])
	}
}
