package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// keptField is a field of a form that was sent without a session.
type keptField struct {
	Name, Value string
	Shown       bool // something that a person wrote, as far as one can tell
}

// maxKept is the most bytes of a form that are handed back to somebody whom nobody knows: the longest description is less.
const maxKept = 256 << 10

// unkept are the paths whose forms hold nothing that anyone would miss.
var unkept = map[string]bool{"/login": true, "/logout": true, "/preferences": true, "/session": true}

// signedOut answers what needs a session and has none. What is merely looked at leads to the login page and back. What was written
// is handed back: it must survive that the session ended while someone was typing.
func (s *Server) signedOut(c echo.Context) error {
	r := c.Request()
	if r.Method != http.MethodPost || unkept[c.Path()] {
		return toLogin(c)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	if r.Header.Get("HX-Request") != "" { // the page with the text stays as it is
		return render(c, http.StatusUnauthorized, signedOutPart())
	}
	if r.ContentLength > maxKept {
		return toLogin(c)
	}
	bodyOf(c, maxKept)
	form, err := uploaded(c)
	if err != nil {
		return toLogin(c)
	}
	fields := keptFields(form.values)
	return render(c, http.StatusUnauthorized, keptPage(s.shell(c, "", "You are signed out"), r.URL.RequestURI(), fields, form.name != ""))
}

// keptFields returns the fields of a form by name, with their values in the order in which they were sent.
func keptFields(form url.Values) []keptField {
	var fields []keptField
	for name, values := range form {
		for _, v := range values {
			fields = append(fields, keptField{Name: name, Value: v, Shown: legible(name, v)})
		}
	}
	slices.SortStableFunc(fields, func(a, b keptField) int { return strings.Compare(a.Name, b.Name) })
	return fields
}

// legible reports whether a value looks like what a person wrote and may be shown as text.
func legible(name, value string) bool {
	for _, secret := range []string{"token", "secret", "password"} {
		if strings.Contains(strings.ToLower(name), secret) {
			return false
		}
	}
	return strings.ContainsAny(strings.TrimSpace(value), " \n") || len(value) > 40
}
