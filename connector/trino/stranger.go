package trino

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"portreeve/fault"
)

// stranger is an answer that no Trino gives.
type stranger struct {
	status  int
	content string // its type
	says    string // how it begins, "" if that may tell a secret
}

// Error says how the answer begins.
func (s *stranger) Error() string {
	if s.says == "" {
		return s.kind()
	}
	return "it says " + s.says
}

func (s *stranger) kind() string {
	if s.content == "" {
		return strconv.Itoa(s.status)
	}
	return fmt.Sprintf("%d, %s", s.status, s.content)
}

// strange returns a *stranger for an answer that no Trino gives, and nil for one that it or a proxy before it may have given.
func strange(resp *http.Response, secrets []string) error {
	content, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	mute := resp.Request != nil && resp.Request.Method == http.MethodDelete // Trino's own answers to it have no type
	switch status := resp.StatusCode; {
	case mute, status == http.StatusNoContent, status >= 300 && status < 400, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return nil
	case status == http.StatusTooManyRequests, status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout:
		return nil // these are tried again
	case status == http.StatusOK && (content == "application/json" || content == "text/plain" || content == ""):
		return nil // what it holds shows when it is read
	}
	head, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return &stranger{resp.StatusCode, fault.Line(content, 60), excerpt(string(head), secrets)}
}

// excerpt returns how an answer begins, or nothing if it repeats what we said of ourselves.
func excerpt(head string, secrets []string) string {
	for _, secret := range secrets {
		if strings.Contains(head, secret) {
			return ""
		}
	}
	return fault.Line(head, 200)
}

// secrets are what no error may tell: a password, a token and how they begin in a header.
func (s *settings) secrets() []string {
	var all []string
	for _, secret := range []string{s.password, s.jwt, base64.StdEncoding.EncodeToString([]byte(s.user + ":" + s.password))} {
		if s.password != "" && secret != "" || secret == s.jwt && secret != "" {
			all = append(all, secret[:min(len(secret), 12)])
		}
	}
	return all
}
