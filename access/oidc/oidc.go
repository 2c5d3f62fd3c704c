// Package oidc signs people in through the company's OpenID provider: authorization code with PKCE, state and nonce.
package oidc

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"portreeve/fault"
	"portreeve/outbound"
)

// Config is what an operator says of the provider.
type Config struct {
	Issuer       string // https; http on loopback only
	ClientID     string
	ClientSecret string         // "" for a public client
	Name         string         // as people know it; "" is the issuer's host
	GroupsClaim  string         // a claim or, with dots, one within others, such as realm_access.roles; "" is groups
	Scopes       []string       // beside openid; nil: profile and email
	Callback     string         // our address that the provider leads back to
	Roots        *x509.CertPool // authorities of the provider's certificate; nil: the system's
	Now          func() time.Time
}

// Provider is the company's OpenID provider. It is looked up when it is first needed, and again as long as it does not answer.
type Provider struct {
	config Config
	client *http.Client

	mu    sync.Mutex
	found *discovered
	since time.Time // when it was first found not to answer; zero: it answers
	tried time.Time // when it was last looked up in vain
	cause error
}

// discovered is what the provider says of itself.
type discovered struct {
	*goidc.Provider
	verifier *goidc.IDTokenVerifier
	claims   metadata
}

type metadata struct {
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	UserInfo      string `json:"userinfo_endpoint"`
	Keys          string `json:"jwks_uri"`
	EndSession    string `json:"end_session_endpoint"`
	NamesItself   bool   `json:"authorization_response_iss_parameter_supported"`
}

// algorithms are what tokens may be signed with: never with nothing, never with a secret that we share.
var algorithms = []string{
	goidc.RS256, goidc.RS384, goidc.RS512, goidc.PS256, goidc.PS384, goidc.PS512, goidc.ES256, goidc.ES384, goidc.ES512, goidc.EdDSA,
}

// lookupPause is how long a provider that did not answer is not asked again.
const lookupPause = 5 * time.Second

// exchangeTimeout bounds one exchange with the provider.
const exchangeTimeout = 10 * time.Second

// New returns the provider of c. It connects to nothing.
func New(c Config) (*Provider, error) {
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fault.Invalidf("PORTREEVE_OIDC_ISSUER", "the issuer %q is not like https://id.example.com/realms/company", c.Issuer)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, fault.Invalidf("PORTREEVE_OIDC_ISSUER", "the issuer must begin with https://, or with http:// on this machine")
	case c.ClientID == "":
		return nil, fault.Invalidf("PORTREEVE_OIDC_CLIENT_ID", "the issuer is set, but not as which client the portal asks it: set PORTREEVE_OIDC_CLIENT_ID")
	}
	if c.Name == "" {
		c.Name = u.Hostname()
	}
	if c.GroupsClaim == "" {
		c.GroupsClaim = "groups"
	}
	if c.Scopes == nil {
		c.Scopes = []string{"profile", "email"}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	client := outbound.NewClient(outbound.Policy{Allowed: []string{net.JoinHostPort(u.Hostname(), port)}, Timeout: exchangeTimeout, Roots: c.Roots})
	p := &Provider{config: c, client: client}
	client.Transport = &keyCache{next: client.Transport, now: c.Now}
	return p, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Name is what people know the provider by.
func (p *Provider) Name() string { return p.config.Name }

// Issuer is the first half of who someone is: their Subject means nothing without it.
func (p *Provider) Issuer() string { return p.config.Issuer }

// find looks the provider up, unless that was done. A provider that does not answer, or did not a moment ago, is Unavailable.
func (p *Provider) find(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause != nil && p.config.Now().Sub(p.tried) < lookupPause {
		return nil, p.away()
	}
	if p.found == nil {
		found, err := p.discover(ctx)
		if err = p.heard(err); err != nil {
			return nil, err
		}
		p.found = found
	}
	return p.found, nil
}

func (p *Provider) discover(ctx context.Context) (*discovered, error) {
	ctx = goidc.ClientContext(ctx, p.client)
	provider, err := goidc.NewProvider(ctx, p.config.Issuer)
	if err != nil {
		return nil, err
	}
	d := &discovered{Provider: provider}
	if err := provider.Claims(&d.claims); err != nil {
		return nil, err
	}
	for _, endpoint := range []string{d.claims.Authorization, d.claims.Token, d.claims.Keys, d.claims.UserInfo, d.claims.EndSession} {
		u, err := url.Parse(endpoint)
		secure := err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && strings.HasPrefix(p.config.Issuer, "http://"))
		if endpoint != "" && !secure {
			return nil, errors.New("the provider names an address that is not https: " + endpoint)
		}
	}
	if d.claims.Authorization == "" || d.claims.Token == "" || d.claims.Keys == "" {
		return nil, errors.New("the provider does not name its addresses for authorization, tokens and keys")
	}
	keys := goidc.NewRemoteKeySet(ctx, d.claims.Keys)
	d.verifier = goidc.NewVerifier(p.config.Issuer, keys, &goidc.Config{
		ClientID: p.config.ClientID, SupportedSigningAlgs: algorithms, SkipExpiryCheck: true, // with some leeway, by times
	})
	return d, nil
}

// heard remembers that the provider answered, or since when it does not, and returns what to tell. Call it with p.mu held.
func (p *Provider) heard(err error) error {
	if p.cause = err; err == nil {
		p.since = time.Time{}
		return nil
	}
	p.tried = p.config.Now()
	if p.since.IsZero() {
		p.since = p.tried
	}
	return p.away()
}

// away says that the provider does not answer, and since when.
func (p *Provider) away() error {
	return fault.Unavailablef(p.cause, "%s has not answered since %s. Whoever is signed in stays signed in; to sign in, try again in a minute",
		p.config.Name, p.since.UTC().Format("15:04:05 UTC on 2 January"))
}

// note is heard for who does not hold p.mu.
func (p *Provider) note(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard(err)
}

// oauth is the client that we are to the provider.
func (p *Provider) oauth(d *discovered) *oauth2.Config {
	scopes := append([]string{goidc.ScopeOpenID}, p.config.Scopes...)
	slices.Sort(scopes[1:])
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: d.Endpoint(), RedirectURL: p.config.Callback,
		Scopes: slices.Compact(scopes),
	}
}

// AuthURL returns where the browser signs in. A provider that does not answer is Unavailable.
func (p *Provider) AuthURL(ctx context.Context, state, nonce, verifier string) (string, error) {
	d, err := p.find(ctx)
	if err != nil {
		return "", err
	}
	return p.oauth(d).AuthCodeURL(state, goidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), nil
}

// EndURL returns where the browser signs out at the provider, to come back to back: "" when the provider has no such place or
// does not answer.
func (p *Provider) EndURL(ctx context.Context, idToken, back string) string {
	d, err := p.find(ctx)
	if err != nil || d.claims.EndSession == "" {
		return ""
	}
	u, err := url.Parse(d.claims.EndSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.config.ClientID)
	q.Set("post_logout_redirect_uri", back)
	if idToken != "" {
		q.Set("id_token_hint", idToken)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
