package trino

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	client "github.com/trinodb/trino-go-client/trino"

	"portreeve/fault"
)

// answer returns the error that Trino itself gave to a query, or nil.
func answer(err error) *client.ErrTrino {
	e, _ := errors.AsType[*client.ErrTrino](err)
	return e
}

// named reports whether Trino answered with an error of one of these names.
func named(err error, names ...string) bool {
	e := answer(err)
	return e != nil && slices.Contains(names, e.ErrorName)
}

// missing reports whether Trino answered that there is no such thing.
func missing(err error) bool {
	return named(err, "TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND", "NOT_FOUND")
}

// denied reports whether Trino answered that the user may not.
func denied(err error) bool { return named(err, "PERMISSION_DENIED") }

// slow reports whether a query ran into our own timeout or Trino's.
func slow(err error) bool {
	return errors.Is(err, errSlow) || named(err, "EXCEEDED_TIME_LIMIT")
}

// crowded reports whether Trino had no room for a query and may have later. What proxies say of it in a status is tried again by
// the client library.
func crowded(err error) bool {
	e := answer(err)
	if e == nil {
		return false
	}
	switch e.ErrorName {
	case "SERVER_STARTING_UP", "NO_NODES_AVAILABLE", "CLUSTER_OUT_OF_MEMORY":
		return true
	}
	return e.ErrorType == "INSUFFICIENT_RESOURCES" && !strings.HasPrefix(e.ErrorName, "EXCEEDED_")
}

// outage reports whether an error is about Trino as a whole, so that asking for the next thing would be no use.
func outage(err error) bool {
	return err != nil && !slow(err) && (answer(err) == nil && !errors.Is(err, errTooMuch) || crowded(err) || named(err, "SERVER_SHUTTING_DOWN"))
}

// fault tells a person why what could not be read.
func (c *Crawler) fault(ctx context.Context, err error, what string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := answer(err)
	what = fault.Line(what, maxName)
	switch {
	case missing(err):
		return &fault.Error{Kind: fault.NotFound, Msg: "Trino has not got " + what + ": " + said(e), Err: err}
	case denied(err):
		return &fault.Error{Kind: fault.Forbidden, Msg: "Trino does not let the user " + c.settings.who() + " read " + what + ": " + said(e), Err: err}
	case errors.Is(err, errSlow):
		return fault.Unavailablef(err, "Trino took longer than %s to read %s: raise timeout, or ask again when it is less busy", c.settings.timeout, what)
	case e != nil:
		return fault.Unavailablef(err, "Trino cannot read %s: %s (%s)", what, said(e), fault.Line(e.ErrorName, 100))
	case errors.Is(err, errTooMuch):
		return fault.Unavailablef(err, "Trino's answer about %s is larger than 64 MiB", what)
	}
	return c.outageFault(err)
}

// noAnswer reports whether an answer came and is none to a query.
func noAnswer(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, shape := errors.AsType[*json.UnmarshalTypeError](err)
	_, network := errors.AsType[*url.Error](err)
	return syntax || shape || errors.Is(err, io.EOF) && !network
}

// outageFault tells why Trino as a whole could not be asked.
func (c *Crawler) outageFault(err error) error {
	host := c.settings.url.Host
	if errors.Is(err, errElsewhere) {
		return fault.Unavailablef(nil, "Trino at %s sends us to another address: name that in url, or let the proxy before it set X-Forwarded headers", host)
	}
	if e, ok := errors.AsType[*stranger](err); ok {
		const msg = "%s answers, but is no Trino (%s): url must be the address of its coordinator"
		if e.status >= 400 && e.status != http.StatusNotFound && e.status != http.StatusMethodNotAllowed && e.content != "text/html" {
			return fault.Unavailablef(e, "Trino at %s answers with an error (%s)", host, e.kind())
		}
		return fault.Unavailablef(e, msg, host, e.kind())
	}
	if noAnswer(err) {
		return fault.Unavailablef(nil, "%s answers, but is no Trino: url must be the address of its coordinator", host)
	}
	if e, ok := errors.AsType[*client.ErrQueryFailed](err); ok {
		switch code := e.StatusCode; {
		case code == http.StatusUnauthorized:
			return &fault.Error{Kind: fault.Forbidden, Err: err, Msg: "Trino at " + host + " does not accept the user " + c.settings.who() + ": check user, " + c.settings.proof()}
		case code == http.StatusForbidden:
			return &fault.Error{Kind: fault.Forbidden, Err: err, Msg: "Trino at " + host + " forbids the user " + c.settings.who() + " to ask it"}
		case code >= 300 && code < 400:
			return fault.Unavailablef(err, "Trino at %s sends us to another address: name that in url", host)
		case code != 0:
			return fault.Unavailablef(nil, "Trino at %s answers with the status %d", host, code)
		}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		if _, wrong := errors.AsType[x509.HostnameError](err); wrong {
			return fault.Unavailablef(err, "the certificate of Trino at %s is for another host", host)
		}
		if e, bad := errors.AsType[x509.CertificateInvalidError](err); bad && e.Reason == x509.Expired {
			return fault.Unavailablef(err, "the certificate of Trino at %s has expired or is not valid yet", host)
		}
		return fault.Unavailablef(err, "the certificate of Trino at %s is not signed by an authority that we trust: check ca_file", host)
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok || strings.Contains(err.Error(), "remote error: tls") {
		return fault.Unavailablef(err, "Trino at %s does not accept the client certificate: check cert_file", host)
	}
	if strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		return fault.Unavailablef(err, "Trino at %s speaks http, not https: check url", host)
	}
	return fault.Unavailablef(err, "Trino at %s does not answer", host)
}

// proof names the settings that show who we are.
func (s *settings) proof() string {
	switch {
	case s.jwt != "":
		return "and that jwt has not expired"
	case s.password != "":
		return "and password"
	case s.certFile != "":
		return "and cert_file"
	}
	return "it asks for a password, jwt or cert_file"
}

// said is what Trino says of an error, on one line.
func said(e *client.ErrTrino) string {
	return fault.Line(e.Message, 400)
}
