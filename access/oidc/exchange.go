package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"portreeve/access"
	"portreeve/fault"
)

// leeway is how far the provider's clock may be from ours.
const leeway = time.Minute

// Exchange redeems what the provider sent the browser back with, for the login with this nonce and verifier. Everything that is
// wrong with the answer is Forbidden, for the log and not for the caller; a provider that does not answer is Unavailable.
func (p *Provider) Exchange(ctx context.Context, answer url.Values, nonce, verifier string) (access.Ticket, error) {
	d, err := p.find(ctx)
	if err != nil {
		return access.Ticket{}, err
	}
	switch iss := answer.Get("iss"); {
	case iss != "" && iss != p.config.Issuer, iss == "" && d.claims.NamesItself: // RFC 9207
		return access.Ticket{}, refusef("the answer is of the issuer %q", iss)
	case answer.Get("error") != "":
		return access.Ticket{}, refusef("the provider answered %q: %q", answer.Get("error"), answer.Get("error_description"))
	case answer.Get("code") == "":
		return access.Ticket{}, refusef("the answer holds no code")
	}
	ctx = goidc.ClientContext(ctx, p.client)
	token, err := p.oauth(d).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return access.Ticket{}, p.refused(err)
	}
	_ = p.note(nil)
	t, err := p.ticket(ctx, d, token, func(id *goidc.IDToken) error {
		if id.Nonce != nonce {
			return refusef("the token is of another login: its nonce is not ours")
		}
		return nil
	})
	if err == nil && t.IDToken == "" {
		err = refusef("the provider sent no id token")
	}
	return t, err
}

// Refresh asks the provider who somebody is now, and gets new tokens for old. A provider that refuses is Forbidden: they are no
// longer signed in there. One that does not answer is Unavailable.
func (p *Provider) Refresh(ctx context.Context, t access.Ticket) (access.Ticket, error) {
	d, err := p.find(ctx)
	if err != nil {
		return access.Ticket{}, err
	}
	ctx = goidc.ClientContext(ctx, p.client)
	token, err := p.oauth(d).TokenSource(ctx, &oauth2.Token{RefreshToken: t.Refresh}).Token()
	if err != nil {
		return access.Ticket{}, p.refused(err)
	}
	_ = p.note(nil)
	now, err := p.ticket(ctx, d, token, func(*goidc.IDToken) error { return nil })
	if err != nil {
		return access.Ticket{}, err
	}
	if now.IDToken == "" { // a provider need not send one again
		now.IDToken, now.Session = t.IDToken, t.Session
	}
	if t.Subject != "" && now.Subject != t.Subject {
		return access.Ticket{}, refusef("the provider now speaks of somebody else")
	}
	return now, nil
}

// refused tells a provider that says no from one that does not know this portal, and from one that does not answer. What else it
// said is not repeated: it may be long.
func (p *Provider) refused(err error) error {
	said, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || said.Response == nil {
		return p.note(err)
	}
	err = fmt.Errorf("%s %q %.200q", said.Response.Status, said.ErrorCode, said.ErrorDescription)
	switch said.ErrorCode {
	case "invalid_grant":
		_ = p.note(nil)
		return refusef("the provider refuses: %w", err)
	case "invalid_client", "unauthorized_client":
		return fault.Unavailablef(err, "%s does not know this portal by its client id and secret. Whoever runs the portal can mend that", p.config.Name)
	}
	return p.note(err)
}

// claims are those of an id token, or of the user info, that we read.
type claims struct {
	Subject   string `json:"sub"`
	Session   string `json:"sid"`
	Party     string `json:"azp"`
	NotBefore *int64 `json:"nbf"`
	Name      string `json:"name"`
	Handle    string `json:"preferred_username"`
	Email     string `json:"email"`
}

// ticket makes a ticket of what the provider sent. check is asked about its id token.
func (p *Provider) ticket(ctx context.Context, d *discovered, token *oauth2.Token, check func(*goidc.IDToken) error) (access.Ticket, error) {
	t := access.Ticket{Identity: access.Identity{Issuer: p.config.Issuer}, Refresh: token.RefreshToken}
	raw, _ := token.Extra("id_token").(string)
	var all map[string]json.RawMessage
	if raw != "" {
		id, err := d.verifier.Verify(ctx, raw)
		if err != nil {
			return t, refusef("the id token is refused: %v", err)
		}
		var c claims
		if err := errors.Join(id.Claims(&c), id.Claims(&all)); err != nil {
			return t, refusef("the id token cannot be read: %v", err)
		}
		if err := errors.Join(p.timely(id, c.NotBefore), p.forUs(id, c.Party), check(id)); err != nil {
			return t, err
		}
		if id.AccessTokenHash != "" {
			if err := id.VerifyAccessToken(token.AccessToken); err != nil {
				return t, refusef("the access token is not that of the id token")
			}
		}
		t.IDToken, t.Session = raw, c.Session
		c.fill(&t.Identity)
	}
	groups, told := p.groups(all)
	if raw == "" || !told && d.claims.UserInfo != "" {
		info, err := p.userInfo(ctx, d, token, &t.Identity)
		if err != nil {
			return t, err
		}
		groups, _ = p.groups(info)
	}
	t.Groups = groups
	if t.Subject == "" {
		return t, refusef("the provider does not say who this is")
	}
	return t, nil
}

// userInfo asks for what the id token does not say. It must be about the same subject.
func (p *Provider) userInfo(ctx context.Context, d *discovered, token *oauth2.Token, id *access.Identity) (map[string]json.RawMessage, error) {
	info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, p.note(fmt.Errorf("user info: %w", err))
	}
	var c claims
	var all map[string]json.RawMessage
	if err := errors.Join(info.Claims(&c), info.Claims(&all)); err != nil {
		return nil, refusef("the user info cannot be read: %v", err)
	}
	if id.Subject != "" && c.Subject != id.Subject {
		return nil, refusef("the user info is about somebody else")
	}
	c.fill(id)
	return all, nil
}

// fill adds to id what it lacks.
func (c *claims) fill(id *access.Identity) {
	first := func(texts ...string) string {
		i := slices.IndexFunc(texts, func(t string) bool { return strings.TrimSpace(t) != "" })
		if i < 0 {
			return ""
		}
		return strings.TrimSpace(texts[i])
	}
	id.Subject = first(id.Subject, c.Subject)
	id.Name = first(id.Name, c.Name, c.Handle, c.Email)
	id.Email = first(id.Email, c.Email)
}

// timely refuses a token that has expired, or is of the future.
func (p *Provider) timely(id *goidc.IDToken, notBefore *int64) error {
	now := p.config.Now()
	switch {
	case !now.Before(id.Expiry.Add(leeway)):
		return refusef("the token expired at %v", id.Expiry)
	case id.IssuedAt.IsZero() || id.IssuedAt.After(now.Add(leeway)):
		return refusef("the token was issued at %v, which is not in the past", id.IssuedAt)
	case notBefore != nil && time.Unix(*notBefore, 0).After(now.Add(leeway)):
		return refusef("the token is not valid yet")
	}
	return nil
}

// forUs refuses a token that was issued to another client, though we are among those it is for.
func (p *Provider) forUs(id *goidc.IDToken, party string) error {
	if len(id.Audience) > 1 && party == "" || party != "" && party != p.config.ClientID {
		return refusef("the token was issued to %q, not to us", party)
	}
	return nil
}

// groups returns the groups among the claims, and whether there is such a claim at all. A claim's name may lead through others
// by dots.
func (p *Provider) groups(all map[string]json.RawMessage) (groups []string, told bool) {
	raw, ok := all[p.config.GroupsClaim]
	for path := strings.Split(p.config.GroupsClaim, "."); !ok && len(path) > 0; path = path[1:] {
		raw = all[path[0]]
		if ok = raw != nil && len(path) == 1; !ok {
			all = nil
			_ = json.Unmarshal(raw, &all) // what is no object holds nothing
		}
	}
	if !ok {
		return nil, false
	}
	var one string
	if json.Unmarshal(raw, &groups) != nil && json.Unmarshal(raw, &one) == nil {
		groups = []string{one}
	}
	return groups, true
}

func refusef(format string, args ...any) error {
	return &fault.Error{Kind: fault.Forbidden, Msg: "the sign-in did not work", Err: fmt.Errorf(format, args...)}
}
