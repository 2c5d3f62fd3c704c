package postgres

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
)

// certificates are the content of the files of TLS.
type certificates struct {
	authorities *x509.CertPool    // nil for those of the system
	own         []tls.Certificate // empty, or the one to show to the server
}

// readCertificates reads them for the driver, which would read whatever a path names and does not tell which setting is at fault.
func readCertificates(files map[string]string) (certificates, error) {
	config, err := catalog.TLSFiles(files["ca_file"], files["cert_file"], files["key_file"])
	if err != nil {
		return certificates{}, err
	}
	return certificates{config.RootCAs, config.Certificates}, nil
}

// use sets the certificates for all hosts of a connection. It changes the driver's own *tls.Config, since the driver's check of
// verify-ca looks into that.
func (c certificates) use(config *pgx.ConnConfig) {
	all := []*tls.Config{config.TLSConfig}
	for _, fallback := range config.Fallbacks {
		all = append(all, fallback.TLSConfig)
	}
	for _, t := range all {
		if t != nil {
			t.RootCAs, t.Certificates = c.authorities, c.own
		}
	}
}
