package main

import (
	"crypto/x509"
	"strings"
	"time"

	"portreeve/access"
	"portreeve/access/oidc"
	"portreeve/catalog"
	"portreeve/fault"
)

// loginFlags say how people sign in, and for how long.
type loginFlags struct {
	Issuer           string        `name:"oidc-issuer" env:"PORTREEVE_OIDC_ISSUER" placeholder:"URL" help:"The company's OpenID provider, such as https://id.example.com/realms/company. Without it, people sign in by a token only."`
	ClientID         string        `name:"oidc-client-id" env:"PORTREEVE_OIDC_CLIENT_ID" placeholder:"ID" help:"What the provider knows the portal by. Its redirect address is PORTREEVE_BASE_URL/login/callback."`
	ClientSecret     string        `name:"oidc-client-secret" env:"PORTREEVE_OIDC_CLIENT_SECRET" placeholder:"SECRET" help:"Secret of the client. None for a public client."`
	ClientSecretFile string        `name:"oidc-client-secret-file" env:"PORTREEVE_OIDC_CLIENT_SECRET_FILE" placeholder:"FILE" help:"File that holds the secret, in place of the variable."`
	GroupsClaim      string        `name:"oidc-groups-claim" env:"PORTREEVE_OIDC_GROUPS_CLAIM" default:"groups" placeholder:"CLAIM" help:"Claim that lists a person's groups. Dots lead into objects: realm_access.roles."`
	Scopes           []string      `name:"oidc-scopes" env:"PORTREEVE_OIDC_SCOPES" default:"profile,email" placeholder:"SCOPE" help:"What to ask for beside openid, separated by commas. Some providers give a refresh token only for offline_access."`
	ProviderName     string        `name:"oidc-name" env:"PORTREEVE_OIDC_NAME" placeholder:"NAME" help:"What people know the provider by. Default: its host."`
	CAFile           string        `name:"oidc-ca-file" env:"PORTREEVE_OIDC_CA_FILE" placeholder:"FILE" help:"Certificates of the authorities that the provider's is checked with. Default: the system's."`
	DefaultRole      string        `name:"oidc-default-role" env:"PORTREEVE_OIDC_DEFAULT_ROLE" default:"viewer" enum:"none,viewer,analyst,owner,steward,admin" help:"Role of people whom no rule for groups gives one: ${enum}. none keeps them out."`
	SessionIdle      time.Duration `env:"PORTREEVE_SESSION_IDLE" default:"12h" placeholder:"TIME" help:"Time after which a session that nobody uses ends."`
	TokenTrust       time.Duration `env:"PORTREEVE_TOKEN_TRUST" default:"720h" placeholder:"TIME" help:"Time for which the tokens of a person work after the provider vouched for them last, which it does at each login and every 15 minutes of a session. Those of services are not bound to it."`
	SessionMax       time.Duration `env:"PORTREEVE_SESSION_MAX" default:"168h" placeholder:"TIME" help:"Time after which every session ends."`
}

// set applies what does not depend on the provider.
func (f *loginFlags) set(s *access.Store) error {
	if f.SessionIdle < 10*time.Minute || f.SessionMax < f.SessionIdle {
		return fault.Invalidf("PORTREEVE_SESSION_IDLE", "PORTREEVE_SESSION_IDLE is %v and PORTREEVE_SESSION_MAX %v: the first must be 10m or more, and the second no less than it", f.SessionIdle, f.SessionMax)
	}
	if f.TokenTrust < time.Hour {
		return fault.Invalidf("PORTREEVE_TOKEN_TRUST", "PORTREEVE_TOKEN_TRUST is %v: it must be 1h or more", f.TokenTrust)
	}
	s.Idle, s.Max, s.Trust, s.DefaultRole = f.SessionIdle, f.SessionMax, f.TokenTrust, access.Role(f.DefaultRole)
	if f.DefaultRole == "none" {
		s.DefaultRole = ""
	}
	return nil
}

// provider returns the provider for a portal at base, or nil where there is none.
func (f *loginFlags) provider(base string) (*oidc.Provider, error) {
	if f.Issuer == "" {
		return nil, nil
	}
	secret, err := f.secret()
	if err != nil {
		return nil, err
	}
	c := oidc.Config{
		Issuer: f.Issuer, ClientID: f.ClientID, ClientSecret: secret, Name: f.ProviderName, GroupsClaim: f.GroupsClaim, Scopes: f.Scopes,
		Callback: base + "/login/callback", Now: clock,
	}
	if f.CAFile != "" {
		text, err := catalog.ReadSmallFile(f.CAFile, "certificates")
		if err != nil {
			return nil, fault.Invalidf("PORTREEVE_OIDC_CA_FILE", "%v", err)
		}
		if c.Roots = x509.NewCertPool(); !c.Roots.AppendCertsFromPEM(text) {
			return nil, fault.Invalidf("PORTREEVE_OIDC_CA_FILE", "%s holds no certificates in PEM", f.CAFile)
		}
	}
	return oidc.New(c)
}

// secret returns that of the client, or "".
func (f *loginFlags) secret() (string, error) {
	switch {
	case f.ClientSecretFile == "":
		return f.ClientSecret, nil
	case f.ClientSecret != "":
		return "", fault.Invalidf("PORTREEVE_OIDC_CLIENT_SECRET_FILE", "PORTREEVE_OIDC_CLIENT_SECRET and PORTREEVE_OIDC_CLIENT_SECRET_FILE are both set: keep one")
	}
	text, err := catalog.ReadSmallFile(f.ClientSecretFile, "client secret")
	if err != nil {
		return "", fault.Invalidf("PORTREEVE_OIDC_CLIENT_SECRET_FILE", "%v", err)
	}
	return strings.TrimSpace(string(text)), nil
}
