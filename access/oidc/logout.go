package oidc

import (
	"context"
	"encoding/json"
	"time"

	"portreeve/access"
)

// logoutEvent is what a logout token says happened.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Ended reads a token by which the provider says that somebody was signed out there (OpenID back-channel logout). What is
// not such a token, or not for us, is Forbidden.
func (p *Provider) Ended(ctx context.Context, raw string) (access.SignedOut, error) {
	d, err := p.find(ctx)
	if err != nil {
		return access.SignedOut{}, err
	}
	token, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return access.SignedOut{}, refusef("the logout token is refused: %v", err)
	}
	var c struct {
		claims
		ID     string                     `json:"jti"`
		Nonce  *string                    `json:"nonce"`
		Expiry *int64                     `json:"exp"`
		Events map[string]json.RawMessage `json:"events"`
	}
	if err := token.Claims(&c); err != nil {
		return access.SignedOut{}, refusef("the logout token cannot be read: %v", err)
	}
	if c.Expiry == nil { // older providers send none: such a token holds a few minutes
		token.Expiry = token.IssuedAt.Add(2 * time.Minute)
	}
	if err := p.timely(token, c.NotBefore); err != nil {
		return access.SignedOut{}, err
	}
	_, is := c.Events[logoutEvent]
	switch {
	case !is || c.Nonce != nil: // an id token is none
		return access.SignedOut{}, refusef("the token is no logout token")
	case c.ID == "":
		return access.SignedOut{}, refusef("the logout token has no id")
	case c.Subject == "" && c.Session == "":
		return access.SignedOut{}, refusef("the logout token names neither a person nor a session")
	}
	return access.SignedOut{Issuer: p.config.Issuer, Subject: c.Subject, Session: c.Session, At: token.IssuedAt.Add(time.Second)}, nil // to whole seconds
}
