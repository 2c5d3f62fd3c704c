package postgres

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"portreeve/test/stack"
)

// TestCertificatesReachAllHosts checks what the driver would have read from the files itself.
func TestCertificatesReachAllHosts(t *testing.T) {
	t.Parallel()
	s := stack.Of(t)
	for _, tt := range []struct {
		sslmode string
		checks  bool // the server's certificate, one way or the other
	}{{"verify-full", true}, {"verify-ca", true}, {"require", true}, {"prefer", false}} {
		a, err := parseAddress(map[string]string{
			"host": "a\nb", "database": "d", "user": "u", "sslmode": tt.sslmode, "ca_file": s.CA, "cert_file": s.ClientCert, "key_file": s.ClientKey,
		})
		if err != nil {
			t.Fatal(err)
		}
		pool, err := a.poolConfig()
		if err != nil {
			t.Fatal(err)
		}
		config := pool.Copy().ConnConfig // as each connection does
		hosts := 0
		for _, f := range config.Fallbacks {
			if f.TLSConfig == nil {
				continue
			}
			hosts++
			if f.TLSConfig.RootCAs == nil || len(f.TLSConfig.Certificates) != 1 {
				t.Errorf("%s: the host %s lacks the certificates", tt.sslmode, f.Host)
			}
		}
		own := config.TLSConfig
		if own.RootCAs == nil || len(own.Certificates) != 1 || hosts == 0 {
			t.Errorf("%s: %d other hosts, or the first lacks the certificates", tt.sslmode, hosts)
		}
		if checks := !own.InsecureSkipVerify || own.VerifyPeerCertificate != nil; checks != tt.checks {
			t.Errorf("%s: the server's certificate is checked: %v", tt.sslmode, checks)
		}
		if own.VerifyPeerCertificate != nil {
			checkAuthority(t, own.VerifyPeerCertificate, s.CA)
		}
	}
}

// checkAuthority checks that the driver's own check trusts the authorities that were given: an authority signs itself.
func checkAuthority(t *testing.T, check func([][]byte, [][]*x509.Certificate) error, file string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if err := check([][]byte{block.Bytes}, nil); err != nil {
		t.Errorf("the authority is not trusted: %v", err)
	}
}
