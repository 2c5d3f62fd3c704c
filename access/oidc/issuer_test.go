package oidc_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"portreeve/access/oidc"
)

// keys are made once: an RSA key takes a while.
var (
	issuerKey, _  = rsa.GenerateKey(rand.Reader, 2048)
	foreignKey, _ = rsa.GenerateKey(rand.Reader, 2048)
)

type obj = map[string]any

// issuer is a provider in this process whose every word a test can change.
type issuer struct {
	*httptest.Server
	mu        sync.Mutex
	discovery obj    // beside what it must say
	claims    obj    // of the next id token, beside the ordinary ones; nil takes one away
	header    obj    // of it
	alg       string // RS256, none, or HS256 with the public key as the secret
	key       *rsa.PrivateKey
	kid       string // under which keys are published
	info      obj    // user info; nil: 401
	token     obj    // of the token endpoint's answer; nil takes one away
	refuses   string // error code of the token endpoint
	status    int    // of all answers, unless 0
	nonce     string // of the login under way
	verifiers []string
	asked     map[string]int // requests by path
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{alg: "RS256", key: issuerKey, kid: "k1", asked: map[string]int{}}
	mux := http.NewServeMux()
	answer := func(path string, f func(r *http.Request) (int, any)) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			i.mu.Lock()
			defer i.mu.Unlock()
			i.asked[path]++
			status, body := i.status, any("away")
			if status == 0 {
				status, body = f(r)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(body)
		})
	}
	answer("/.well-known/openid-configuration", func(*http.Request) (int, any) {
		return 200, with(obj{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/auth", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
			"userinfo_endpoint": i.URL + "/info", "end_session_endpoint": i.URL + "/end", "id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256"},
		}, i.discovery)
	})
	answer("/keys", func(*http.Request) (int, any) {
		e := base64.RawURLEncoding.EncodeToString(big.NewInt(int64(issuerKey.E)).Bytes())
		return 200, obj{"keys": []obj{{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": i.kid, "n": base64.RawURLEncoding.EncodeToString(issuerKey.N.Bytes()), "e": e}}}
	})
	answer("/token", func(r *http.Request) (int, any) {
		if i.refuses != "" {
			return 400, obj{"error": i.refuses, "error_description": "no"}
		}
		i.verifiers = append(i.verifiers, r.PostFormValue("code_verifier"))
		return 200, with(obj{"access_token": "at", "token_type": "Bearer", "expires_in": 60, "refresh_token": "next", "id_token": i.sign(i.idToken())}, i.token)
	})
	answer("/info", func(*http.Request) (int, any) {
		if i.info == nil {
			return 401, obj{"error": "invalid_token"}
		}
		return 200, i.info
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// with returns a copy of o in which changes hold; nil takes a key away.
func with(o, changes obj) obj {
	o = maps.Clone(o)
	for k, v := range changes {
		if o[k] = v; v == nil {
			delete(o, k)
		}
	}
	return o
}

// idToken returns the claims of the next id token.
func (i *issuer) idToken() obj {
	now := time.Now().Unix()
	return with(obj{
		"iss": i.URL, "sub": "u-1", "aud": "portal", "exp": now + 300, "iat": now, "nonce": i.nonce, "sid": "s-1", "name": "Ann Lee",
		"email": "ann@example.com", "groups": []string{"data", "all"},
	}, i.claims)
}

// sign returns the claims as a token.
func (i *issuer) sign(claims obj) string {
	part := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(with(obj{"alg": i.alg, "kid": i.kid, "typ": "JWT"}, i.header)) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	switch i.alg {
	case "RS256":
		signature, _ = rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])
	case "HS256":
		der, _ := x509.MarshalPKIXPublicKey(&issuerKey.PublicKey)
		mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		mac.Write([]byte(text))
		signature = mac.Sum(nil)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// config is that of a portal at i.
func (i *issuer) config() oidc.Config {
	return oidc.Config{Issuer: i.URL, ClientID: "portal", ClientSecret: "s", Callback: "https://data.example.com/login/callback", Now: time.Now}
}

func (i *issuer) provider(t *testing.T) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(i.config())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// count returns how often a path was asked for.
func (i *issuer) count(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[path]
}

// set changes the issuer while it serves.
func (i *issuer) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

// code is what the provider sends the browser back with.
var code = url.Values{"code": {"c"}, "state": {"s"}}
