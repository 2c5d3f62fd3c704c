package oidc_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oauth2-proxy/mockoidc"

	"portreeve/access"
	"portreeve/access/oidc"
	"portreeve/fault"
)

func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != want {
		t.Errorf("%s: got %v of kind %v, want kind %v", what, err, fault.KindOf(err), want)
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	p := i.provider(t)
	i.nonce = "n"
	got, err := p.Exchange(t.Context(), code, "n", "v")
	if err != nil {
		t.Fatal(err)
	}
	want := access.Ticket{
		Identity: access.Identity{Issuer: i.URL, Subject: "u-1", Name: "Ann Lee", Email: "ann@example.com", Groups: []string{"data", "all"}},
		Session:  "s-1", Refresh: "next", IDToken: got.IDToken,
	}
	if diff := cmp.Diff(want, got); diff != "" || got.IDToken == "" {
		t.Errorf("ticket (-want +got):\n%s", diff)
	}
	if !slices.Equal(i.verifiers, []string{"v"}) {
		t.Errorf("the provider was shown the verifiers %q", i.verifiers)
	}
	if i.count("/info") != 0 {
		t.Error("the user info was asked for though the token told the groups")
	}
}

func TestAuthURL(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	p := i.provider(t)
	to, err := p.AuthURL(t.Context(), "the-state", "the-nonce", strings.Repeat("v", 43))
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	got := u.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "portal", "state": "the-state", "nonce": "the-nonce", "code_challenge_method": "S256",
		"scope": "openid email profile", "redirect_uri": "https://data.example.com/login/callback",
	} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
	if c := got.Get("code_challenge"); len(c) != 43 || c == strings.Repeat("v", 43) {
		t.Errorf("the challenge is %q", c)
	}
}

// Every token and answer here is refused, whatever else about it is right.
func TestRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	tests := []struct {
		name   string
		change func(*issuer)
		answer url.Values
	}{
		{name: "signed with nothing", change: func(i *issuer) { i.alg = "none" }},
		{name: "signed with nothing, in other letters", change: func(i *issuer) { i.alg, i.header = "none", obj{"alg": "nOnE"} }},
		{name: "signed with the public key as a secret", change: func(i *issuer) { i.alg = "HS256" }},
		{name: "signed with the public key as a secret, under an honest name", change: func(i *issuer) { i.alg, i.header = "HS256", obj{"alg": "RS256"} }},
		{name: "signed with another key", change: func(i *issuer) { i.key = foreignKey }},
		{name: "of an unknown key", change: func(i *issuer) { i.header = obj{"kid": "k9"} }},
		{name: "of a key that it brings itself", change: func(i *issuer) {
			i.key, i.header = foreignKey, obj{"kid": nil, "jwk": obj{"kty": "RSA", "n": "x", "e": "AQAB"}}
		}},
		{name: "of another issuer", change: func(i *issuer) { i.claims = obj{"iss": "https://other.example.com"} }},
		{name: "of the issuer with a slash", change: func(i *issuer) { i.claims = obj{"iss": i.URL + "/"} }},
		{name: "of no issuer", change: func(i *issuer) { i.claims = obj{"iss": nil} }},
		{name: "for another client", change: func(i *issuer) { i.claims = obj{"aud": "other"} }},
		{name: "for nobody", change: func(i *issuer) { i.claims = obj{"aud": nil} }},
		{name: "for several, issued to nobody", change: func(i *issuer) { i.claims = obj{"aud": []string{"portal", "other"}} }},
		{name: "for several, issued to another", change: func(i *issuer) { i.claims = obj{"aud": []string{"portal", "other"}, "azp": "other"} }},
		{name: "for us, issued to another", change: func(i *issuer) { i.claims = obj{"azp": "other"} }},
		{name: "of another login", change: func(i *issuer) { i.claims = obj{"nonce": "other"} }},
		{name: "of no login", change: func(i *issuer) { i.claims = obj{"nonce": nil} }},
		{name: "expired", change: func(i *issuer) { i.claims = obj{"exp": at(-61 * time.Second)} }},
		{name: "without an end", change: func(i *issuer) { i.claims = obj{"exp": nil} }},
		{name: "issued in the future", change: func(i *issuer) { i.claims = obj{"iat": at(90 * time.Second)} }},
		{name: "issued at no time", change: func(i *issuer) { i.claims = obj{"iat": nil} }},
		{name: "valid in the future", change: func(i *issuer) { i.claims = obj{"nbf": at(90 * time.Second)} }},
		{name: "about nobody", change: func(i *issuer) { i.claims = obj{"sub": nil} }},
		{name: "about nobody in particular", change: func(i *issuer) { i.claims = obj{"sub": " "} }},
		{name: "with another access token", change: func(i *issuer) { i.claims = obj{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"} }},
		{name: "no token at all", change: func(i *issuer) { i.token = obj{"id_token": nil}; i.info = obj{"sub": "u-1"} }},
		{name: "garbage for a token", change: func(i *issuer) { i.token = obj{"id_token": "a.b.c"} }},
		{name: "an encrypted token", change: func(i *issuer) { i.token = obj{"id_token": "a.b.c.d.e"} }},
		{name: "a code that was used", change: func(i *issuer) { i.refuses = "invalid_grant" }},
		{name: "user info about another", change: func(i *issuer) {
			i.claims, i.info = obj{"groups": nil}, obj{"sub": "u-2", "groups": []string{"admins"}}
		}},
		{name: "an answer of another issuer", answer: url.Values{"code": {"c"}, "iss": {"https://other.example.com"}}},
		{name: "an answer that should name its issuer", change: func(i *issuer) { i.discovery = obj{"authorization_response_iss_parameter_supported": true} }},
		{name: "an answer that says no", answer: url.Values{"error": {"access_denied"}, "code": {"c"}}},
		{name: "an answer without a code", answer: url.Values{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.nonce = "n"
			if tt.change != nil {
				tt.change(i)
			}
			answer := tt.answer
			if answer == nil {
				answer = code
			}
			ticket, err := i.provider(t).Exchange(t.Context(), answer, "n", "v")
			wantKind(t, "let in "+ticket.Subject, err, fault.Forbidden)
			if got := fault.Message(err); got != "the sign-in did not work" {
				t.Errorf("the caller learns %q", got)
			}
			if err != nil && err.Error() == "the sign-in did not work" {
				t.Error("the log does not learn the reason")
			}
		})
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, change := range map[string]func(*issuer){
		"a clock that is 50 s behind":     func(i *issuer) { i.claims = obj{"exp": now.Add(-50 * time.Second).Unix()} },
		"a clock that is 50 s ahead":      func(i *issuer) { i.claims = obj{"iat": now.Add(50 * time.Second).Unix()} },
		"several audiences, issued to us": func(i *issuer) { i.claims = obj{"aud": []string{"other", "portal"}, "azp": "portal"} },
		"no refresh token":                func(i *issuer) { i.token = obj{"refresh_token": nil} },
		"an issuer that names itself":     func(i *issuer) { i.discovery = obj{"authorization_response_iss_parameter_supported": true} },
	} {
		i := newIssuer(t)
		i.nonce = "n"
		change(i)
		if _, err := i.provider(t).Exchange(t.Context(), url.Values{"code": {"c"}, "iss": {i.URL}}, "n", "v"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, claim string
		claims      obj
		info        obj
		want        []string
	}{
		{name: "a list", claims: obj{"groups": []string{"a", "b"}}, want: []string{"a", "b"}},
		{name: "one word", claims: obj{"groups": "a"}, want: []string{"a"}},
		{name: "an empty list is an answer", claims: obj{"groups": []string{}}, info: obj{"sub": "u-1", "groups": []string{"x"}}},
		{name: "no list", claims: obj{"groups": 7}},
		{name: "of another name", claim: "https://x/groups", claims: obj{"https://x/groups": []string{"a"}}, want: []string{"a"}},
		{name: "within others", claim: "realm_access.roles", claims: obj{"realm_access": obj{"roles": []string{"a"}}}, want: []string{"a"}},
		{name: "within what is not there", claim: "a.b.c", claims: obj{"a": "b"}, info: obj{"sub": "u-1"}},
		{name: "in the user info", claims: obj{"groups": nil}, info: obj{"sub": "u-1", "groups": []string{"x"}}, want: []string{"x"}},
		{name: "nowhere", claims: obj{"groups": nil}, info: obj{"sub": "u-1"}},
	} {
		i := newIssuer(t)
		i.nonce, i.claims, i.info = "n", tt.claims, tt.info
		c := i.config()
		c.GroupsClaim = tt.claim
		p, err := oidc.New(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Exchange(t.Context(), code, "n", "v")
		if err != nil || !slices.Equal(got.Groups, tt.want) {
			t.Errorf("%s: groups %q, %v; want %q", tt.name, got.Groups, err, tt.want)
		}
	}
}

func TestNameFallsBack(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.nonce, i.claims = "n", obj{"name": " ", "preferred_username": "ann"}
	if got, err := i.provider(t).Exchange(t.Context(), code, "n", "v"); err != nil || got.Name != "ann" {
		t.Errorf("name %q, %v", got.Name, err)
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	p := i.provider(t)
	i.set(func() { i.claims = obj{"groups": []string{"fewer"}, "nonce": nil} })
	got, err := p.Refresh(t.Context(), access.Ticket{Identity: access.Identity{Subject: "u-1"}, Refresh: "r"})
	if err != nil || got.Refresh != "next" || !slices.Equal(got.Groups, []string{"fewer"}) || got.IDToken == "" {
		t.Errorf("ticket %+v, %v", got, err)
	}
	_, err = p.Refresh(t.Context(), access.Ticket{Identity: access.Identity{Subject: "u-2"}, Refresh: "r"})
	wantKind(t, "somebody else's token", err, fault.Forbidden)
	i.set(func() {
		i.token, i.info = obj{"id_token": nil}, obj{"sub": "u-1", "name": "Ann", "groups": []string{"told"}}
	})
	got, err = p.Refresh(t.Context(), access.Ticket{Identity: access.Identity{Subject: "u-1"}, Refresh: "r", IDToken: "old"})
	if err != nil || got.IDToken != "old" || !slices.Equal(got.Groups, []string{"told"}) {
		t.Errorf("without a new id token: %+v, %v", got, err)
	}
	i.set(func() { i.refuses = "invalid_grant" })
	_, err = p.Refresh(t.Context(), access.Ticket{Refresh: "r"})
	wantKind(t, "signed out at the provider", err, fault.Forbidden)
	i.set(func() { i.refuses = "invalid_client" })
	_, err = p.Refresh(t.Context(), access.Ticket{Refresh: "r"})
	wantKind(t, "a secret that is wrong now", err, fault.Unavailable)
}

func TestEndURL(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	u, err := url.Parse(i.provider(t).EndURL(t.Context(), "hint", "https://data.example.com/login"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if !strings.HasPrefix(u.String(), i.URL+"/end?") || q.Get("id_token_hint") != "hint" || q.Get("post_logout_redirect_uri") != "https://data.example.com/login" || q.Get("client_id") != "portal" {
		t.Errorf("leads to %s", u)
	}
}

func TestEnded(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	p := i.provider(t)
	now := time.Now().Unix()
	event := obj{"http://schemas.openid.net/event/backchannel-logout": obj{}}
	good := obj{"iss": i.URL, "aud": "portal", "iat": now, "exp": now + 60, "jti": "j", "sub": "u-1", "sid": "s-1", "events": event}
	out, err := p.Ended(t.Context(), i.sign(good))
	if err != nil || out.Subject != "u-1" || out.Session != "s-1" || out.Issuer != i.URL || out.At.Unix() != now+1 {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := p.Ended(t.Context(), i.sign(with(good, obj{"exp": nil, "sub": nil}))); err != nil {
		t.Errorf("a session, as older providers tell it: %v", err)
	}
	for name, change := range map[string]obj{
		"an id token": {"events": nil}, "another event": {"events": obj{"x": obj{}}}, "a nonce": {"nonce": "n"}, "no id": {"jti": nil}, "nobody": {"sub": nil, "sid": nil},
		"another client": {"aud": "other"}, "another issuer": {"iss": "x"}, "expired": {"exp": now - 61}, "old, without an end": {"exp": nil, "iat": now - 300}, "of no time": {"iat": nil},
	} {
		_, err := p.Ended(t.Context(), i.sign(with(good, change)))
		wantKind(t, name, err, fault.Forbidden)
	}
	i.set(func() { i.key = foreignKey })
	_, err = p.Ended(t.Context(), i.sign(good))
	wantKind(t, "another key", err, fault.Forbidden)
	_, err = p.Ended(t.Context(), "")
	wantKind(t, "nothing", err, fault.Forbidden)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []oidc.Config{
		{Issuer: "http://id.example.com", ClientID: "p"},
		{Issuer: "id.example.com", ClientID: "p"},
		{Issuer: "https://", ClientID: "p"},
		{ClientID: "p"},
		{Issuer: "https://id.example.com?x=1", ClientID: "p"},
		{Issuer: "https://a:b@id.example.com", ClientID: "p"},
		{Issuer: "https://id.example.com"},
		{Issuer: "ftp://localhost", ClientID: "p"},
		{Issuer: "http://localhost.example.com", ClientID: "p"},
	} {
		_, err := oidc.New(c)
		wantKind(t, c.Issuer, err, fault.Invalid)
	}
	p, err := oidc.New(oidc.Config{Issuer: "https://id.example.com/realms/x", ClientID: "p"})
	if err != nil || p.Name() != "id.example.com" {
		t.Errorf("%v", err)
	}
}

// A provider that others wrote, for the ordinary way.
func TestOrdinaryLogin(t *testing.T) {
	t.Parallel()
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Shutdown() })
	m.QueueUser(&mockoidc.MockUser{Subject: "m-1", Email: "mia@example.com", PreferredUsername: "mia", Groups: []string{"data"}})
	p, err := oidc.New(oidc.Config{
		Issuer: m.Issuer(), ClientID: m.ClientID, ClientSecret: m.ClientSecret, Scopes: []string{"profile", "email", "groups"},
		Callback: "http://127.0.0.1:1/login/callback", Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	verifier := strings.Repeat("v", 43)
	to, err := p.AuthURL(t.Context(), "state", "nonce", verifier)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	back, err := res.Location()
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Exchange(t.Context(), back.Query(), "nonce", verifier)
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != "m-1" || got.Name != "mia" || !slices.Equal(got.Groups, []string{"data"}) || got.Refresh == "" {
		t.Errorf("ticket %+v", got)
	}
	_, err = p.Exchange(t.Context(), back.Query(), "nonce", verifier)
	wantKind(t, "a code that was used", err, fault.Forbidden)
	if _, err := p.Refresh(t.Context(), got); err != nil {
		t.Errorf("refresh: %v", err)
	}
}
