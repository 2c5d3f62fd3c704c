package catalog

import (
	"crypto/tls"
	"crypto/x509"

	"portreeve/fault"
)

// TLSFiles returns how to connect by TLS with the files of the settings ca_file, cert_file and key_file, PEM, each of which may
// be "": the authorities of the system, and no certificate of our own. Errors are Invalid with the setting as their field, and
// show no path.
func TLSFiles(ca, cert, key string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := ReadSmallFile(ca, "ca_file")
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fault.Invalidf("ca_file", "the file of the setting ca_file holds no certificate (PEM)")
		}
	}
	if cert == "" && key == "" {
		return config, nil
	}
	var texts [2][]byte
	for i, file := range []struct{ path, setting string }{{cert, "cert_file"}, {key, "key_file"}} {
		if file.path == "" {
			continue // the other one may be at fault as well, and is told first
		}
		text, err := ReadSmallFile(file.path, file.setting)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	switch {
	case cert == "":
		return nil, fault.Invalidf("cert_file", "key_file needs cert_file, the certificate that it is the key of")
	case key == "":
		return nil, fault.Invalidf("key_file", "cert_file needs key_file, its key")
	}
	pair, err := tls.X509KeyPair(texts[0], texts[1])
	if err != nil {
		const msg = "the files of the settings cert_file and key_file are no certificate and its key (PEM, unencrypted)"
		return nil, &fault.Error{Kind: fault.Invalid, Field: "cert_file", Msg: msg, Err: err}
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}
