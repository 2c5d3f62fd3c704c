package outbound_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"portreeve/fault"
	"portreeve/outbound"
)

// decoy is a server on this machine that counts who connects to it.
type decoy struct {
	*httptest.Server
	port  string
	conns atomic.Int64
}

func newDecoy(t *testing.T, h http.HandlerFunc) *decoy {
	t.Helper()
	d := &decoy{}
	d.Server = httptest.NewUnstartedServer(h)
	d.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			d.conns.Add(1)
		}
	}
	d.Start()
	t.Cleanup(d.Close)
	d.port = strconv.Itoa(d.Listener.Addr().(*net.TCPAddr).Port)
	return d
}

func ok(http.ResponseWriter, *http.Request) {}

// leadsTo is a resolver by which every name leads to addr.
func leadsTo(addrs ...string) func(context.Context, string) ([]netip.Addr, error) {
	var list []netip.Addr
	for _, a := range addrs {
		list = append(list, netip.MustParseAddr(a))
	}
	return func(context.Context, string) ([]netip.Addr, error) { return list, nil }
}

func get(t *testing.T, p outbound.Policy, address string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fault.Invalidf("url", "%v", err)
	}
	res, err := outbound.NewClient(p).Do(r)
	if err == nil {
		t.Cleanup(func() { res.Body.Close() })
	}
	return res, err
}

// inside are addresses that lead to this machine or into its network, in every way of writing them that somebody has tried.
var inside = []string{
	"http://127.0.0.1:PORT/", "http://127.1:PORT/", "http://127.255.255.254:PORT/", "http://localhost:PORT/", "http://LOCALHOST.:PORT/", "http://a.localhost:PORT/",
	"http://0.0.0.0:PORT/", "http://0:PORT/", "http://2130706433:PORT/", "http://0x7f000001:PORT/", "http://0x7f.1:PORT/", "http://0177.0.0.1:PORT/", "http://017700000001:PORT/",
	"http://[::1]:PORT/", "http://[::]:PORT/", "http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/", "http://[::127.0.0.1]:PORT/",
	"http://[64:ff9b::7f00:1]:PORT/", "http://[64:ff9b:1::7f00:1]:PORT/", "http://[2002:7f00:1::]:PORT/", "http://[2001::1]:PORT/", "http://[fe80::1%25lo]:PORT/", "http://[fc00::1]:PORT/",
	"http://[fd00:ec2::254]/", "http://[ff02::1]/", "http://[2001:db8::1]/", "http://[100::1]/", "http://[fec0::1]/",
	"http://169.254.169.254/latest/meta-data/", "http://168.63.129.16/", "http://100.100.100.200/", "http://192.0.0.192/",
	"http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/", "http://100.64.0.1/", "http://198.18.0.1/", "http://224.0.0.1/",
	"http://255.255.255.255/", "http://240.0.0.1/", "http://1.2.3.4:22/", "http://1.2.3.4:8080/", "http://1.2.3.4:0/", "http://hooks.example.com:6379/",
	"http://user:pw@1.2.3.4/", "http://user@hooks.example.com/", "ftp://hooks.example.com/", "file:///etc/passwd", "gopher://hooks.example.com/", "unix:///run/docker.sock",
	"//hooks.example.com/", "hooks.example.com", "http:///", "http:hooks.example.com", "javascript:alert(1)", "http://", "", "http://１２７.０.０.１:PORT/", "http://127。0。0。1:PORT/",
	"http://127.0.0.1%2f.example.com/", "http://a b/", "http://hooks.example.com\r\nX: y/", "http://①②⑦.0.0.1:PORT/",
}

func TestNothingInsideIsReached(t *testing.T) {
	t.Parallel()
	d := newDecoy(t, ok)
	for _, raw := range inside {
		address := strings.ReplaceAll(raw, "PORT", d.port)
		for _, resolver := range []func(context.Context, string) ([]netip.Addr, error){nil, leadsTo("127.0.0.1"), leadsTo("::ffff:127.0.0.1"), leadsTo("::1")} {
			p := outbound.Policy{Timeout: 2 * time.Second, Resolver: resolver}
			if res, err := get(t, p, address); err == nil {
				t.Errorf("%s was reached: %s", address, res.Status)
			} else if resolver != nil && fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s failed, but was not refused: %v", address, err)
			}
		}
	}
	if n := d.conns.Load(); n != 0 {
		t.Errorf("%d connections were opened", n)
	}
}

func TestNamesThatLeadInsideAreRefused(t *testing.T) {
	t.Parallel()
	d := newDecoy(t, ok)
	rebinding := 0
	for name, resolver := range map[string]func(context.Context, string) ([]netip.Addr, error){
		"loopback":             leadsTo("127.0.0.1"),
		"loopback as IPv6":     leadsTo("::ffff:127.0.0.1"),
		"metadata":             leadsTo("169.254.169.254"),
		"outside and inside":   leadsTo("93.184.215.14", "127.0.0.1"),
		"nothing":              leadsTo(),
		"a name that does not": func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") },
		"outside at the first look, inside at the second": func(context.Context, string) ([]netip.Addr, error) {
			if rebinding++; rebinding%2 == 1 {
				return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
		},
	} {
		p := outbound.Policy{Timeout: 2 * time.Second, Resolver: resolver}
		if _, err := outbound.CheckURL("http://hooks.example.com/", p); err != nil {
			t.Errorf("%s: refused before it was looked up: %v", name, err)
		}
		// The decoy listens on another port, so a network is allowed that makes all ports so.
		p.Allowed = []string{"203.0.113.0/24"}
		if _, err := get(t, p, "http://hooks.example.com:"+d.port+"/"); err == nil {
			t.Errorf("%s: reached", name)
		}
	}
	if n := d.conns.Load(); n != 0 {
		t.Errorf("%d connections were opened", n)
	}
}

func TestWhatTheOperatorNamedIsReached(t *testing.T) {
	t.Parallel()
	d := newDecoy(t, ok)
	for name, p := range map[string]outbound.Policy{
		"a host and port":         {Allowed: []string{"id.example.com:" + d.port}, Resolver: leadsTo("127.0.0.1")},
		"in other letters":        {Allowed: []string{"ID.example.com:" + d.port}, Resolver: leadsTo("127.0.0.1")},
		"a network":               {Allowed: []string{"127.0.0.0/8"}, Resolver: leadsTo("127.0.0.1")},
		"the second of addresses": {Allowed: []string{"id.example.com:" + d.port}, Resolver: leadsTo("127.9.9.9", "127.0.0.1")},
	} {
		p.Timeout = 5 * time.Second
		if _, err := get(t, p, "http://id.example.com:"+d.port+"/"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := outbound.Policy{Allowed: []string{"id.example.com:" + d.port}, Resolver: leadsTo("127.0.0.1")}
	for _, other := range []string{"http://id.example.com/", "http://evil.example.com:" + d.port + "/", "http://127.0.0.1:" + d.port + "/"} {
		if _, err := get(t, p, other); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s goes with what the operator named: %v", other, err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	target := newDecoy(t, ok)
	first := newDecoy(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL+"/latest/meta-data", http.StatusFound)
	})
	res, err := get(t, outbound.Policy{Allowed: []string{"127.0.0.1:" + first.port, "127.0.0.1:" + target.port}}, first.URL)
	if err != nil || res.StatusCode != http.StatusFound {
		t.Errorf("got %v, %v; want the redirect itself", res, err)
	}
	if n := target.conns.Load(); n != 0 {
		t.Errorf("the redirect was followed by %d connections", n)
	}
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	proxy, d := newDecoy(t, ok), newDecoy(t, ok)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	p := outbound.Policy{Allowed: []string{"id.example.com:" + d.port}, Resolver: leadsTo("127.0.0.1")}
	if _, err := get(t, p, "http://id.example.com:"+d.port+"/"); err != nil {
		t.Fatal(err)
	}
	if proxy.conns.Load() != 0 || d.conns.Load() != 1 {
		t.Errorf("%d connections by the proxy, %d without", proxy.conns.Load(), d.conns.Load())
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	d := newDecoy(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 5000)) })
	res, err := get(t, outbound.Policy{Allowed: []string{"127.0.0.1:" + d.port}, MaxBody: 4999}, d.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(res.Body)
	if _, large := errors.AsType[*http.MaxBytesError](err); !large {
		t.Errorf("5,000 bytes where 4,999 are allowed: %v", err)
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"https://hooks.example.com/a?b=c", "http://hooks.example.com", "https://hooks.example.com:443/", "https://8.8.8.8/", "https://[2606:4700::1111]/",
		" https://hooks.example.com/x ", "https://bücher.example/", "https://3com.example/", "https://hooks.example.com./",
	} {
		if u, err := outbound.CheckURL(good, outbound.Policy{}); err != nil || u.Host == "" {
			t.Errorf("%s: %v", good, err)
		}
	}
	if _, err := outbound.CheckURL("https://a.example/"+strings.Repeat("x", 2000), outbound.Policy{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an address of 2,018 characters: %v", err)
	}
}

// No address, however it is written, gets a client to connect to this machine.
func FuzzNothingInsideIsReached(f *testing.F) {
	for _, raw := range inside {
		f.Add(strings.ReplaceAll(raw, "PORT", "80"))
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := outbound.CheckURL(raw, outbound.Policy{})
		if err != nil {
			return
		}
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil && (!addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is4In6()) {
			t.Errorf("%q is allowed", raw)
		}
		if p := u.Port(); (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || p != "" && p != "80" && p != "443" && !isZeroPadded(p) {
			t.Errorf("%q is allowed: %+v", raw, u)
		}
	})
}

func isZeroPadded(port string) bool { n, _ := strconv.Atoi(port); return n == 80 || n == 443 }
