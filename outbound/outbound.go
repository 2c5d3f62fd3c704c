// Package outbound is the one way by which the portal opens connections to addresses that people or foreign systems name:
// webhooks, providers, registries. It decides by the address that a name resolves to, at the moment of connecting.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"portreeve/fault"
)

// Policy says where connections may lead beside public addresses on the ports 80 and 443. The zero Policy allows nothing else.
type Policy struct {
	// Allowed are what the operator named: a host and port such as id.example.com:8443, which may then resolve to anything,
	// or a network such as 10.2.0.0/16, any port of which may be reached by an address or a name.
	Allowed  []string
	Timeout  time.Duration                                                // of a whole exchange; 0: 10 s
	MaxBody  int64                                                        // bytes of an answer; 0: 1 MiB
	Resolver func(ctx context.Context, host string) ([]netip.Addr, error) // nil: the system's
	Roots    *x509.CertPool                                               // authorities of certificates; nil: the system's
}

const (
	defaultTimeout = 10 * time.Second
	defaultMaxBody = 1 << 20
	maxURL         = 2000
)

// NewClient returns a client that reaches only what p allows. It follows no redirects: the caller sees their status. It uses no
// proxy. What p refuses fails with a fault of kind Invalid, and no connection is opened; an answer beyond MaxBody fails with
// *http.MaxBytesError while it is read.
func NewClient(p Policy) *http.Client {
	if p.Timeout == 0 {
		p.Timeout = defaultTimeout
	}
	if p.MaxBody == 0 {
		p.MaxBody = defaultMaxBody
	}
	if p.Resolver == nil {
		p.Resolver = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	t := &http.Transport{
		DialContext:            p.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.Roots},
		TLSHandshakeTimeout:    p.Timeout,
		ResponseHeaderTimeout:  p.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           20,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
	}
	return &http.Client{
		Transport:     guard{p, t},
		Timeout:       p.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// guard refuses requests before anything is looked up, and bounds answers.
type guard struct {
	policy Policy
	next   *http.Transport
}

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.policy.check(r.URL); err != nil {
		return nil, err
	}
	res, err := g.next.RoundTrip(r)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, g.policy.MaxBody)
	}
	return res, err
}

// CloseIdleConnections closes what is kept for later.
func (g guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

// CheckURL returns the address that raw writes, for who takes one from a person: what can be refused without looking it up is
// refused here, with a fault of kind Invalid for the field url. Where its name leads is decided when it is connected to.
func CheckURL(raw string, p Policy) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, refusef("the address is longer than %d characters", maxURL)
	}
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return nil, refusef("this is no address like https://hooks.example.com/path")
	}
	return u, p.check(u)
}

// check refuses what an address says by itself.
func (p *Policy) check(u *url.URL) error {
	host, port := u.Hostname(), portOf(u)
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return refusef("the address must begin with https:// or http://")
	case u.User != nil:
		return refusef("the address holds a name or password before @: leave them out")
	case host == "" || u.Opaque != "":
		return refusef("the address names no host")
	case p.names(host, port):
		return nil
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return p.checkAddr(addr, port)
	}
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(host, ".")), ".")
	last := labels[len(labels)-1]
	switch {
	case last == "" || last == "localhost" || last[0] >= '0' && last[0] <= '9': // such as 2130706433, 0x7f.1, 0177.0.0.1
		return refusef("%s is not the name of a public host", host)
	case port != 80 && port != 443 && !p.networks():
		return refusef("port %d cannot be used, only 443 and 80", port)
	}
	return nil
}

// portOf returns the port that u leads to; 0 when it is none.
func portOf(u *url.URL) uint16 {
	switch {
	case u.Port() != "":
		n, _ := strconv.ParseUint(u.Port(), 10, 16)
		return uint16(n)
	case u.Scheme == "https":
		return 443
	}
	return 80
}

// names reports whether the operator named this host and port.
func (p *Policy) names(host string, port uint16) bool {
	at := net.JoinHostPort(strings.TrimSuffix(host, "."), strconv.Itoa(int(port)))
	return slices.ContainsFunc(p.Allowed, func(a string) bool { return strings.EqualFold(a, at) })
}

// networks reports whether the operator allowed any network: a name may lead into it, on any port.
func (p *Policy) networks() bool {
	return slices.ContainsFunc(p.Allowed, func(a string) bool { _, err := netip.ParsePrefix(a); return err == nil })
}

// checkAddr refuses an address that is neither public nor of an allowed network.
func (p *Policy) checkAddr(addr netip.Addr, port uint16) error {
	if addr.Zone() == "" && slices.ContainsFunc(p.Allowed, func(a string) bool {
		n, err := netip.ParsePrefix(a)
		return err == nil && n.Contains(addr)
	}) {
		return nil
	}
	switch {
	case !public(addr):
		return refusef("the address leads into a private network: whoever runs this portal can allow it")
	case port != 80 && port != 443:
		return refusef("port %d cannot be used, only 443 and 80", port)
	}
	return nil
}

// dial connects to one of the addresses of a name, if all of them are allowed: a name that leads both outside and inside is no
// accident.
func (p *Policy) dial(ctx context.Context, network, to string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(to)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, err
	}
	port, named := uint16(n), p.names(host, uint16(n))
	addrs, err := p.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: p.Timeout / time.Duration(len(addrs)), Control: func(_, at string, _ syscall.RawConn) error {
		reached, err := netip.ParseAddrPort(at)
		if err != nil || named {
			return err
		}
		return p.checkAddr(reached.Addr().Unmap(), reached.Port())
	}}
	for _, addr := range addrs {
		if named {
			break
		}
		if err := p.checkAddr(addr, port); err != nil {
			if addr.String() != host && !public(addr) {
				return nil, refuseName(host)
			}
			return nil, err
		}
	}
	var failed error
	for _, addr := range addrs {
		conn, err := dialer.DialContext(ctx, network, netip.AddrPortFrom(addr, port).String())
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// resolve returns the addresses of a host, at least one.
func (p *Policy) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	addrs, err := p.Resolver(ctx, host)
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound || err == nil && len(addrs) == 0 {
		return nil, refuseName(host)
	}
	if err != nil {
		return nil, &fault.Error{Kind: fault.Unavailable, Msg: "the name " + host + " cannot be looked up right now", Err: err}
	}
	plain := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		plain[i] = a.Unmap() // resolvers may write IPv4 as IPv6
	}
	return plain, nil
}

// refuseName refuses a name in the same words whether there is none or it leads inside: who asks must not learn the names of the
// company's own machines.
func refuseName(host string) error {
	return refusef("the name %s leads nowhere, or into a private network, which whoever runs this portal can allow", fault.Line(host, 253))
}

// notPublic are the networks that are no part of the public Internet: RFC 6890 and its successors, beside the address at which
// a cloud answers its machines.
var notPublic = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// global is where public addresses of IPv6 are: outside of it are loopback, link-local, unique local, multicast, and every way
// to write IPv4 in IPv6.
var global = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		list[i] = netip.MustParsePrefix(t)
	}
	return list
}

// public reports whether an address is one of the public Internet.
func public(addr netip.Addr) bool {
	if addr.Zone() != "" || addr.Is6() && !global.Contains(addr) {
		return false
	}
	return !slices.ContainsFunc(notPublic, func(n netip.Prefix) bool { return n.Contains(addr) })
}

func refusef(format string, args ...any) error { return fault.Invalidf("url", format, args...) }
