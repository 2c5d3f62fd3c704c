package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"portreeve/catalog"
	"portreeve/connector/kafka"
	"portreeve/fault"
	"portreeve/test/stack"
)

// TestOpenSaysWhatIsWrong tries each way in which a connection cannot be had.
func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	real := stack.Of(t).Kafka
	caFile, config := certificate(t)
	_, secured := fake(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "admin", "right"), kfake.Superuser("SCRAM-SHA-256", "admin", "right"))
	cluster, refusing := fake(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "admin", "right"), kfake.Superuser("SCRAM-SHA-256", "admin", "right"))
	refuse(cluster, int16(kmsg.SASLAuthenticate), func(r kmsg.Request) kmsg.Response { // kfake hangs up, Kafka answers
		response := r.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		response.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return response
	})
	_, overTLS := fake(t, kfake.TLS(config))
	_, port, _ := net.SplitHostPort(overTLS)
	free, silent := listen(t), listen(t)
	free.Close()
	tests := []struct {
		name   string
		config map[string]string
		kind   fault.Kind
		want   string
	}{
		{"nothing listens", map[string]string{"brokers": free.Addr().String()}, fault.Unavailable, "nothing listens at 127.0.0.1:"},
		{"no answer", map[string]string{"brokers": silent.Addr().String(), "timeout": "1s"}, fault.Unavailable, "no answer within 1s"},
		{"no such host", map[string]string{"brokers": "no-such-host.invalid"}, fault.Unavailable, "no host no-such-host.invalid"},
		{
			"wrong password",
			map[string]string{"brokers": refusing, "sasl": "scram-sha-256", "user": "admin", "password": "s3cr3t"},
			fault.Forbidden, "the broker refused the user admin",
		},
		{
			"wrong password in the clear",
			map[string]string{"brokers": refusing, "sasl": "plain", "tls": "false", "user": "admin", "password": "s3cr3t"},
			fault.Forbidden, "the broker refused the user admin",
		},
		{
			"wrong password of a broker that hangs up",
			map[string]string{"brokers": secured, "sasl": "scram-sha-256", "user": "admin", "password": "s3cr3t"},
			fault.Unavailable, "see the user admin and the password",
		},
		{"no login", map[string]string{"brokers": secured}, fault.Unavailable, "see the settings tls and sasl"},
		{
			"a login that nobody wants",
			map[string]string{"brokers": real, "sasl": "scram-sha-512", "user": "admin", "password": "s3cr3t"},
			fault.Unavailable, "login",
		},
		{"TLS where there is none", map[string]string{"brokers": real, "tls": "true"}, fault.Unavailable, "TLS"},
		{"no TLS where it is wanted", map[string]string{"brokers": overTLS}, fault.Unavailable, "TLS"},
		{"an authority that is not trusted", map[string]string{"brokers": overTLS, "tls": "true"}, fault.Unavailable, "ca_file"},
		{
			"another name than the certificate's",
			map[string]string{"brokers": overTLS, "ca_file": caFile, "server_name": "other.example"},
			fault.Unavailable, "server_name",
		},
		{"all is well by TLS", map[string]string{"brokers": overTLS, "ca_file": caFile}, 0, ""},
		{"all is well by another name", map[string]string{"brokers": "localhost:" + port, "ca_file": caFile, "server_name": "127.0.0.1"}, 0, ""},
		{"all is well with a login", map[string]string{"brokers": secured, "sasl": "scram-sha-256", "user": "admin", "password": "right"}, 0, ""},
		{"a silent broker before a good one", map[string]string{"brokers": silent.Addr().String() + "\n" + real, "timeout": "3s"}, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.config["timeout"] == "" {
				tt.config["timeout"] = "8s" // a login takes a while on a busy machine
			}
			began := time.Now()
			connection, err := kafka.Connector().Open(t.Context(), catalog.Source{Slug: "events", Config: tt.config})
			if err == nil {
				t.Cleanup(func() { connection.Close() })
			}
			if (err != nil) != (tt.want != "") || err != nil && fault.KindOf(err) != tt.kind || !strings.Contains(fault.Message(err), tt.want) {
				t.Errorf("error %q (%v) of the kind %v, want %v and %q", fault.Message(err), err, fault.KindOf(err), tt.kind, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cr3t") {
				t.Error("the error tells the password")
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v to say so", took)
			}
		})
	}
}

// TestSettings tries settings that are wrong before anybody is asked.
func TestSettings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		field  string
		config map[string]string
	}{
		{"brokers", map[string]string{}},
		{"brokers", map[string]string{"brokers": "kafka://host:9092"}},
		{"brokers", map[string]string{"brokers": "host:0"}},
		{"brokers", map[string]string{"brokers": "a:1,b:2"}},
		{"sasl", map[string]string{"sasl": "gssapi"}},
		{"sasl", map[string]string{"user": "u", "password": "p"}},
		{"user", map[string]string{"sasl": "plain", "tls": "true"}},
		{"tls", map[string]string{"sasl": "plain", "user": "u", "password": "p"}},
		{"tls", map[string]string{"tls": "yes"}},
		{"tls", map[string]string{"tls": "false", "ca_file": "x"}},
		{"ca_file", map[string]string{"ca_file": "/no/such/file"}},
		{"ca_file", map[string]string{"ca_file": "open_test.go"}},
		{"ca_file", map[string]string{"ca_file": "/dev/zero"}},
		{"cert_file", map[string]string{"cert_file": "/dev/zero", "key_file": "open_test.go"}},
		{"key_file", map[string]string{"cert_file": "open_test.go", "key_file": "/dev/zero"}},
		{"cert_file", map[string]string{"cert_file": "x"}},
		{"cert_file", map[string]string{"cert_file": "open_test.go", "key_file": "open_test.go"}},
		{"include", map[string]string{"include": "with space"}},
		{"exclude", map[string]string{"exclude": "ok\n[a-z]"}},
		{"internal", map[string]string{"internal": "1"}},
		{"groups", map[string]string{"groups": "no"}},
		{"volume_hours", map[string]string{"volume_hours": "-1"}},
		{"timeout", map[string]string{"timeout": "0"}},
	}
	for _, tt := range tests {
		if _, given := tt.config["brokers"]; !given && tt.field != "brokers" {
			tt.config["brokers"] = "127.0.0.1:1"
		}
		_, err := kafka.Connector().Open(t.Context(), catalog.Source{Config: tt.config})
		var field string
		if f, ok := err.(*fault.Error); ok { //nolint:errorlint // it is not wrapped
			field = f.Field
		}
		if fault.KindOf(err) != fault.Invalid || field != tt.field || fault.Message(err) == "" {
			t.Errorf("%v: error %v at %q, want Invalid at %q", tt.config, err, field, tt.field)
		}
	}
}

func listen(tb testing.TB) net.Listener {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	return l
}

// certificate makes one for 127.0.0.1, signed by itself.
func certificate(tb testing.TB) (file string, _ *tls.Config) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	file = filepath.Join(tb.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}
