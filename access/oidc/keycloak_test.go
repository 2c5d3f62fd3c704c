package oidc_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"portreeve/access/oidc"
	"portreeve/fault"
	"portreeve/test/stack"
)

// A real Keycloak: its discovery, its tokens with their groups, its refresh tokens, and its logout.
func TestKeycloak(t *testing.T) {
	t.Parallel()
	k := stack.Of(t)
	if k.Keycloak == "" {
		t.Fatal("the servers run without Keycloak: start them with --with keycloak")
	}
	p, err := oidc.New(oidc.Config{Issuer: k.Keycloak, ClientID: "portreeve", Callback: "http://127.0.0.1:1/login/callback", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	verifier := strings.Repeat("v", 43)
	to, err := p.AuthURL(t.Context(), "state", "nonce", verifier)
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Port() == "1" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := browser.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := goquery.NewDocumentFromReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	res, err = browser.PostForm(page.Find("form").AttrOr("action", ""), url.Values{"username": {"ann"}, "password": {k.Password}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := res.Location()
	if err != nil || back.Query().Get("state") != "state" {
		t.Fatalf("Keycloak leads to %v, %v", back, err)
	}
	ann, err := p.Exchange(t.Context(), back.Query(), "nonce", verifier)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ann.Groups)
	if ann.Name != "Ann Lee" || ann.Email != "ann@example.org" || !slices.Equal(ann.Groups, []string{"data-eng", "stewards"}) || ann.Session == "" {
		t.Errorf("ticket %+v", ann.Identity)
	}
	_, err = p.Exchange(t.Context(), back.Query(), "nonce", verifier)
	wantKind(t, "a code that was used", err, fault.Forbidden) // and Keycloak ends what the code had given

	res, err = browser.Get(to) // it still knows her: no password
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if back, err = res.Location(); err != nil {
		t.Fatal(err)
	}
	if ann, err = p.Exchange(t.Context(), back.Query(), "nonce", verifier); err != nil {
		t.Fatal(err)
	}
	if ann, err = p.Refresh(t.Context(), ann); err != nil || ann.Name != "Ann Lee" || len(ann.Groups) != 2 || ann.Refresh == "" {
		t.Errorf("refreshed: %+v, %v", ann.Identity, err)
	}
	res, err = browser.Get(p.EndURL(t.Context(), ann.IDToken, "http://127.0.0.1:1/login"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if back, err = res.Location(); err != nil || back.String() != "http://127.0.0.1:1/login" {
		t.Errorf("the logout leads to %v, %v", back, err)
	}
	_, err = p.Refresh(t.Context(), ann)
	wantKind(t, "after the logout there", err, fault.Forbidden)
}
