package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"portreeve/fault"
)

// explain tells a person why what could not be had. A cancelled context stays what it is.
func (c *cluster) explain(err error, what string) error {
	s := &c.settings
	what = fault.Line(what, maxText)
	switch {
	case errors.Is(err, context.Canceled), fault.KindOf(err) != fault.Internal:
		return err
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		const msg = "the broker refused the user %s: the name or the password is wrong, or the user has no login by %s"
		return forbidden(err, msg, s.user, s.sasl)
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return fault.Unavailablef(err, "the broker takes no logins by %s: set sasl to what it takes", s.sasl)
	case errors.Is(err, kerr.IllegalSaslState):
		return fault.Unavailablef(err, "the broker did not expect this login: see the settings sasl and tls, and the port")
	case denied(err):
		return forbidden(err, "the user %s may not read %s", s.who(), what)
	}
	if msg := connectionTrouble(err, s); msg != "" {
		return fault.Unavailablef(err, "%s cannot be reached: %s", c.place(err), msg)
	}
	if known, ok := errors.AsType[*kerr.Error](err); ok {
		return fault.Unavailablef(err, "Kafka cannot tell %s: %s", what, known.Message)
	}
	return fault.Unavailablef(err, "%s did not answer as it should when asked for %s", c.place(err), what)
}

// brokerError is trouble with one broker, at the address by which the cluster names it.
type brokerError struct {
	broker string
	err    error
}

func (e *brokerError) Error() string { return e.broker + ": " + e.err.Error() }
func (e *brokerError) Unwrap() error { return e.err }

// shardError returns why a part of a request failed, and at which broker if that is known.
func shardError(s kgo.ResponseShard) error {
	if s.Err == nil || s.Meta.NodeID < 0 || s.Meta.Host == "" {
		return s.Err
	}
	address := net.JoinHostPort(s.Meta.Host, strconv.Itoa(int(s.Meta.Port)))
	return &brokerError{fmt.Sprintf("broker %d at %s", s.Meta.NodeID, fault.Line(address, maxText)), s.Err}
}

// place names what could not be reached: a broker as the cluster names it, or the cluster as the settings do.
func (c *cluster) place(err error) string {
	if b, ok := errors.AsType[*brokerError](err); ok {
		return "Kafka's " + b.broker
	}
	return "Kafka (" + c.settings.brokerPhrase() + ")"
}

// connectionTrouble says in words why there is no connection, "" when it is something else.
func connectionTrouble(err error, s *settings) string {
	var header tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var expired x509.CertificateInvalidError
	var eof *kgo.ErrFirstReadEOF
	var dns *net.DNSError
	text := err.Error()
	switch {
	case errors.As(err, &authority):
		return "the broker's certificate is signed by no authority that is trusted here; name its file in ca_file"
	case errors.As(err, &host):
		return "the broker's certificate is for another name than its address; if that is right, set server_name"
	case errors.As(err, &expired):
		return "the broker's certificate is not valid, perhaps expired"
	case errors.As(err, &header):
		return "the port speaks no TLS; set tls to false or use the port that does"
	case strings.Contains(text, "tls: certificate required"), strings.Contains(text, "tls: bad certificate"),
		strings.Contains(text, "tls: unknown certificate"):
		return "the broker wants a certificate that it trusts; set cert_file and key_file"
	case strings.Contains(text, "tls alert record"), strings.Contains(text, "tls endpoint"):
		return "the port speaks TLS; set tls to true"
	case errors.As(err, &dns):
		return "there is no host " + fault.Line(dns.Name, maxText)
	case errors.Is(err, syscall.ECONNREFUSED):
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
			return "nothing listens at " + op.Addr.String()
		}
		return "nothing listens there"
	case errors.As(err, &eof), closed(err):
		return closedWords(s, eof != nil)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), timedOut(err):
		return "no answer within " + s.timeout.String()
	}
	return ""
}

// closedWords says why a broker may have ended a connection, first thing or after it had answered.
func closedWords(s *settings, first bool) string {
	switch {
	case s.sasl != "" && !first:
		return "the broker ended the connection, as some do when they refuse a login: see the user " + s.user + " and the password"
	case !first && s.tls:
		return "the broker ended the connection; the port may speak no TLS: see the setting tls"
	case s.sasl == "":
		return "the broker ended the connection; it may ask for TLS or a login: see the settings tls and sasl"
	default:
		return "the broker ended the connection; it may ask for TLS: see the setting tls"
	}
}

func closed(err error) bool {
	return strings.HasSuffix(err.Error(), "EOF") || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// denied reports whether Kafka refused for want of a right.
func denied(err error) bool {
	for _, refusal := range []error{
		kerr.ClusterAuthorizationFailed, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

func forbidden(cause error, format string, args ...any) error {
	err := fault.Forbiddenf(format, args...)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		f.Err = cause
	}
	return err
}

// because returns what a note says of an error: why, without what.
func (c *cluster) because(err error) string {
	if denied(err) {
		return "the user " + c.settings.who() + " may not ask for it"
	}
	if known, ok := errors.AsType[*kerr.Error](err); ok {
		return "Kafka says: " + known.Message
	}
	if msg := connectionTrouble(err, &c.settings); msg != "" {
		if b, ok := errors.AsType[*brokerError](err); ok {
			return b.broker + ": " + msg
		}
		return msg
	}
	return "the broker did not answer as it should"
}

// who is the user that Kafka knows us as.
func (s *settings) who() string {
	if s.user != "" {
		return s.user
	}
	if s.certFile != "" {
		return "of the certificate"
	}
	return "ANONYMOUS"
}

// brokerPhrase names the brokers in a message.
func (s *settings) brokerPhrase() string {
	phrase := strings.Join(s.brokers, ", ")
	if len(phrase) > maxBrokerPhrase {
		phrase = phrase[:maxBrokerPhrase] + "…"
	}
	return phrase
}
