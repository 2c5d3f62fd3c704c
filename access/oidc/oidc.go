// Package oidc signs people in through the company's OpenID provider: authorization code with PKCE, state and nonce.
package oidc

// Provider is the company's OpenID provider.
type Provider struct{}
