package launch

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// The users that the secured listeners know.
const (
	user    = "portreeve"
	limited = "limited"
)

// validity of certificates and tokens: longer than a developer's servers stay up.
const validity = 365 * 24 * time.Hour

// secrets are made anew for each platform: files in a folder, a password and tokens.
type secrets struct {
	dir             string
	password        string
	jwt, limitedJWT string
}

func (s secrets) file(name string) string { return filepath.Join(s.dir, name) }

// newSecrets fills dir: an authority (ca.pem), the servers' certificate with its key (server.pem), a user's certificate and
// key (client.pem, client.key), the key that Trino checks tokens with (jwt.pub) and Trino's passwords.
func newSecrets(dir string) (secrets, error) {
	s := secrets{dir: dir, password: rand.Text()}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return s, err
	}
	return s, errors.Join(s.certificates(), s.tokens(), s.passwords())
}

func (s secrets) certificates() error {
	ca, err := newIdentity(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Portreeve test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil)
	if err != nil {
		return err
	}
	server, err := newIdentity(&x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, // Trino calls itself
	}, ca)
	if err != nil {
		return err
	}
	client, err := newIdentity(&x509.Certificate{
		Subject: pkix.Name{CommonName: user}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca)
	if err != nil {
		return err
	}
	return errors.Join(
		s.write("ca.pem", ca.chain), s.write("server.pem", server.private+server.chain+ca.chain),
		s.write("client.pem", client.chain), s.write("client.key", client.private),
	)
}

// identity is a certificate and its key, as PEM and parsed.
type identity struct {
	certificate    *x509.Certificate
	key            *ecdsa.PrivateKey
	chain, private string
}

// newIdentity returns a certificate like template that by signs, or that signs itself when by is nil.
func newIdentity(template *x509.Certificate, by *identity) (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, err
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(validity)
	if by == nil {
		by = &identity{certificate: template, key: key}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, by.certificate, &key.PublicKey, by.key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	return &identity{certificate, key, block("CERTIFICATE", raw), block("PRIVATE KEY", secret)}, err
}

// tokens makes a JWT for each user and leaves the key that proves them.
func (s *secrets) tokens() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	var err1, err2 error
	s.jwt, err1 = token(key, user)
	s.limitedJWT, err2 = token(key, limited)
	return errors.Join(err1, err2, s.write("jwt.pub", block("PUBLIC KEY", public)))
}

// token returns a JWT that says who bears it.
func token(key *rsa.PrivateKey, subject string) (string, error) {
	claims, err := json.Marshal(map[string]any{"sub": subject, "iat": time.Now().Unix(), "exp": time.Now().Add(validity).Unix()})
	if err != nil {
		return "", err
	}
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return text + "." + encode(signature), err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// passwords writes the users' passwords as Trino reads them.
func (s secrets) passwords() error {
	hash, err := bcrypt.GenerateFromPassword([]byte(s.password), 8) // Trino takes no less
	if err != nil {
		return err
	}
	hashed := strings.Replace(string(hash), "$2a$", "$2y$", 1) // the same, by the name that Trino knows
	return s.write("trino.passwords", user+":"+hashed+"\n"+limited+":"+hashed+"\n")
}

func (s secrets) write(name, text string) error {
	return os.WriteFile(s.file(name), []byte(text), 0o600)
}

func block(kind string, raw []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
}
