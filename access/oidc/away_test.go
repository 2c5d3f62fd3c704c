package oidc_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"portreeve/access"
	"portreeve/access/oidc"
	"portreeve/fault"
)

func TestNewKeysAreFoundButNotAskedForAtWill(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.nonce = "n"
	c := i.config()
	now := time.Now()
	c.Now = func() time.Time { return now }
	p, err := oidc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	exchange := func() error { _, err := p.Exchange(t.Context(), code, "n", "v"); return err }
	if err := exchange(); err != nil {
		t.Fatal(err)
	}
	i.set(func() { i.kid = "k2" })
	for range 20 {
		wantKind(t, "a key that is not known yet", exchange(), fault.Forbidden)
	}
	if n := i.count("/keys"); n != 1 {
		t.Errorf("20 tokens of unknown keys within 30 s made %d requests for keys", n)
	}
	now = now.Add(31 * time.Second)
	if err := exchange(); err != nil {
		t.Errorf("the new key is not found after 31 s: %v", err)
	}
	if n := i.count("/keys"); n != 2 {
		t.Errorf("%d requests for keys", n)
	}
}

func TestProviderAway(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.status = http.StatusBadGateway
	c := i.config()
	now := time.Date(2026, 5, 1, 9, 30, 0, 0, time.UTC)
	c.Now, c.Name = func() time.Time { return now }, "Company ID"
	p, err := oidc.New(c)
	if err != nil {
		t.Fatal("a provider that does not answer keeps the portal from starting:", err)
	}
	auth := func() error { _, err := p.AuthURL(t.Context(), "s", "n", "v"); return err }
	wantKind(t, "away", auth(), fault.Unavailable)
	now = now.Add(time.Second)
	for range 20 {
		err = auth()
	}
	if got := fault.Message(err); !strings.HasPrefix(got, "Company ID has not answered since 09:30:00 UTC on 1 May") {
		t.Errorf("people learn %q", got)
	}
	if n := i.count("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("21 logins within 5 s made %d requests of a provider that does not answer", n)
	}
	if to := p.EndURL(t.Context(), "", "https://data.example.com/login"); to != "" {
		t.Errorf("a logout leads to %q", to)
	}
	i.set(func() { i.status = 0 })
	now = now.Add(6 * time.Second)
	if err := auth(); err != nil {
		t.Errorf("the provider is back: %v", err)
	}
	i.set(func() { i.status = http.StatusServiceUnavailable })
	_, err = p.Refresh(t.Context(), access.Ticket{Refresh: "r"})
	wantKind(t, "away later", err, fault.Unavailable)
}

func TestDiscoveryRefuses(t *testing.T) {
	t.Parallel()
	for name, discovery := range map[string]obj{
		"another issuer":            {"issuer": "https://other.example.com"},
		"no addresses":              {"token_endpoint": nil},
		"an address that is none":   {"jwks_uri": "file:///etc/passwd"},
		"a body without an end":     {"x": strings.Repeat("x", 2<<20)},
		"keys in a private network": {"jwks_uri": "http://10.0.0.1/keys"},
	} {
		i := newIssuer(t)
		i.discovery, i.nonce = discovery, "n"
		_, err := i.provider(t).Exchange(t.Context(), code, "n", "v")
		if kind := fault.KindOf(err); kind != fault.Unavailable && kind != fault.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
}
