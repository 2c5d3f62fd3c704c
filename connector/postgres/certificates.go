package postgres

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
	"portreeve/fault"
)

// certificates are the content of the files of TLS.
type certificates struct {
	authorities *x509.CertPool    // nil for those of the system
	own         []tls.Certificate // empty, or the one to show to the server
}

// readCertificates returns Invalid with the setting that is at fault, which the driver does not tell.
func readCertificates(files map[string]string) (certificates, error) {
	var out certificates
	texts := map[string][]byte{}
	for _, name := range []string{"ca_file", "cert_file", "key_file"} {
		if files[name] == "" {
			continue
		}
		text, err := catalog.ReadSmallFile(files[name], name)
		if err != nil {
			return out, err
		}
		texts[name] = text
	}
	if text, given := texts["ca_file"]; given {
		out.authorities = x509.NewCertPool()
		if !out.authorities.AppendCertsFromPEM(text) {
			return out, fault.Invalidf("ca_file", "ca_file holds no certificate in PEM")
		}
	}
	if files["cert_file"] == "" && files["key_file"] == "" {
		return out, nil
	}
	pair, err := tls.X509KeyPair(texts["cert_file"], texts["key_file"])
	if err != nil {
		return out, fault.Invalidf("key_file", "cert_file and key_file are not a certificate and its key, unencrypted, in PEM")
	}
	out.own = []tls.Certificate{pair}
	return out, nil
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
