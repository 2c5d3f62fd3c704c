package web

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
)

// onceCookie carries a new secret, sealed, from where it was made to the page that shows it: a page that answered the form would
// make another one when it is loaded again.
const (
	onceCookie  = "__Host-once"
	oncePurpose = "shown once"
	onceAge     = 120 // seconds
)

// showOnce lets the next page that who asks opens, the one at path, show a secret.
func (s *Server) showOnce(c echo.Context, path, secret string) error {
	sealed, err := s.Key.Seal(oncePurpose, strings.Join([]string{catalog.FormatID(principal(c).ID), path, secret}, "\n"))
	if err == nil {
		setOnce(c, base64.RawURLEncoding.EncodeToString(sealed), onceAge)
	}
	return err
}

// shownOnce returns the secret that the page at path is to show, and forgets it; "" if there is none.
func (s *Server) shownOnce(c echo.Context, path string) string {
	cookie, err := c.Cookie(onceCookie)
	if err != nil {
		return ""
	}
	setOnce(c, "", -1)
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return ""
	}
	text, err := s.Key.Open(oncePurpose, sealed)
	parts := strings.SplitN(text, "\n", 3)
	if err != nil || len(parts) != 3 || parts[0] != catalog.FormatID(principal(c).ID) || parts[1] != path {
		return ""
	}
	return parts[2]
}

func setOnce(c echo.Context, value string, age int) {
	c.SetCookie(&http.Cookie{Name: onceCookie, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}
