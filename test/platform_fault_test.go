package test

import (
	"bytes"
	endian "encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
)

// Toxics of our own, beside those that toxiproxy has.
func init() {
	toxics.Register("garbage", new(garbage))
	toxics.Register("advertise", new(advertise))
}

// garbage puts other bytes in the place of those that a server sends.
type garbage struct{}

func (*garbage) Pipe(stub *toxics.ToxicStub) {
	pipe(stub, func(data []byte) []byte { return bytes.Repeat([]byte("\xde\xad garbage \x00"), 1+len(data)/12) })
}

// advertise tells the proxy's port wherever a broker tells its own, so that a client of Kafka stays behind the proxy.
type advertise struct {
	From uint16 `json:"from"`
	To   uint16 `json:"to"`
}

func (a *advertise) Pipe(stub *toxics.ToxicStub) {
	address := func(port uint16) []byte { return endian.BigEndian.AppendUint32([]byte("127.0.0.1"), uint32(port)) }
	pipe(stub, func(data []byte) []byte { return bytes.ReplaceAll(data, address(a.From), address(a.To)) })
}

func pipe(stub *toxics.ToxicStub, change func([]byte) []byte) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			stub.Output <- &stream.StreamChunk{Data: change(c.Data), Timestamp: c.Timestamp}
		}
	}
}

// proxies are what stands between the portal and each server, by the slug of the source.
type proxies map[string]*toxiproxy.Proxy

// newProxies returns a company's sources, read through proxies.
func (c *company) newProxies() (proxies, map[string][]string) {
	c.t.Helper()
	s, all := c.stack, c.declared()
	trino, registry, postgres := hostOf(s.TrinoHTTPS), hostOf(s.Registry), hostOf(s.PostgresURL)
	p, server := proxies{}, toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	for slug, address := range map[string]string{"warehouse": trino, "events": s.Kafka, "schemas": registry, "app": postgres, "lake": postgres} {
		proxy := toxiproxy.NewProxy(server, slug, "127.0.0.1:0", address)
		if err := proxy.Start(); err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(proxy.Stop)
		p[slug] = proxy
		for i, line := range all[slug] {
			_, port, _ := net.SplitHostPort(address)
			all[slug][i] = strings.Replace(line, ":"+port, ":"+strconv.Itoa(int(portOf(proxy.Listen))), 1)
		}
	}
	all["events"] = []string{"kind: kafka", "brokers: " + p["events"].Listen, `include: "` + c.topic + `"`, "timeout: 2s"}
	for slug, timeout := range map[string]string{"warehouse": "timeout: 6s", "schemas": "timeout: 2s", "app": "statement_timeout: 2s"} {
		all[slug] = append(slices.DeleteFunc(all[slug], func(line string) bool { return strings.Contains(line, "timeout: ") }), timeout)
	}
	c.toxic(p["events"], "advertise", "downstream", fmt.Sprintf(`{"from":%d,"to":%d}`, portOf(s.Kafka), portOf(p["events"].Listen)))
	return p, all
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return net.JoinHostPort("127.0.0.1", u.Port())
}

func portOf(address string) uint16 {
	_, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	return uint16(n)
}

func (c *company) toxic(p *toxiproxy.Proxy, kind, direction, attributes string) {
	c.t.Helper()
	toxic := fmt.Sprintf(`{"name":"%s-%s","type":"%s","stream":"%s","attributes":%s}`, kind, direction, kind, direction, attributes)
	if _, err := p.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *company) untoxic(p *toxiproxy.Proxy, name string) {
	c.t.Helper()
	if err := p.Toxics.RemoveToxic(c.t.Context(), name); err != nil {
		c.t.Fatal(err)
	}
}

// faults are what a server does to us, and how it is mended.
var faults = []struct {
	name, spared string // the slug of the source that is spared
	begin, end   func(*company, *toxiproxy.Proxy)
}{
	{"down", "events", func(_ *company, p *toxiproxy.Proxy) { p.Stop() }, func(c *company, p *toxiproxy.Proxy) {
		if err := p.Start(); err != nil {
			c.t.Fatal(err)
		}
	}},
	{
		"garbage", "schemas", func(c *company, p *toxiproxy.Proxy) { c.toxic(p, "garbage", "downstream", "{}") },
		func(c *company, p *toxiproxy.Proxy) { c.untoxic(p, "garbage-downstream") },
	},
	{"half open", "app", func(c *company, p *toxiproxy.Proxy) {
		c.toxic(p, "timeout", "upstream", `{"timeout":0}`)
		c.toxic(p, "timeout", "downstream", `{"timeout":0}`)
	}, func(c *company, p *toxiproxy.Proxy) {
		c.untoxic(p, "timeout-upstream")
		c.untoxic(p, "timeout-downstream")
	}},
	{
		"slow", "warehouse", func(c *company, p *toxiproxy.Proxy) { c.toxic(p, "latency", "downstream", `{"latency":15000}`) },
		func(c *company, p *toxiproxy.Proxy) { c.untoxic(p, "latency-downstream") },
	},
}

// Whatever a server does, the portal stays calm: it says what is wrong and since when, goes on with the other sources, keeps
// what it knew, stays fast, and is well again at the next crawl.
func TestPlatformFaults(t *testing.T) {
	t.Parallel()
	c, p := newCompany(t, "zf"), newPlatform(t)
	between, declared := c.newProxies()
	p.start(t, sources(declared))
	p.good(t, everything...)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) { // in turn: they share the portal
			c := c.with(t)
			for slug, proxy := range between {
				if slug != f.spared {
					f.begin(c, proxy)
				}
			}
			before := time.Now()
			run := p.crawl(t, everything...)
			t.Logf("all crawls ended after %v", time.Since(before).Round(time.Millisecond))
			for slug, crawl := range run {
				if between[slug] == nil || slug == f.spared {
					if crawl.State != "finished" {
						t.Errorf("%s is well, and its crawl is %s", slug, crawl)
					}
					continue
				}
				p.wantTrouble(t, slug, crawl)
			}
			p.wantAllKnown(t, c)
			for slug, proxy := range between {
				if slug != f.spared {
					f.end(c, proxy)
				}
			}
			p.good(t, everything...)
			p.wantAllKnown(t, c)
		})
	}
	p.wantNoSecret(t, "the log", p.output.String())
	if strings.Contains(p.output.String(), "panic") {
		t.Error("the portal panicked:\n" + p.output.String())
	}
}

// wantTrouble checks what a source that cannot be read says of itself.
func (p *platform) wantTrouble(t *testing.T, slug string, crawl crawlSeen) {
	t.Helper()
	t.Logf("%s: %s", slug, crawl)
	s := ask[sourceSeen](t, p, "/sources/"+slug)
	if crawl.State == "finished" || crawl.Gone > 0 || crawl.Message == "" && len(crawl.Errors) == 0 {
		t.Errorf("the crawl of %s is %s: want one that failed and says why", slug, crawl)
		return
	}
	if crawl.Seen == 0 && (s.FailingSince == nil || time.Until(s.NextCrawlAt) > 20*time.Minute) {
		t.Errorf("%s (%s) fails since %v and is tried again at %v: want soon", slug, crawl, s.FailingSince, s.NextCrawlAt)
	}
	page := p.page(t, "/sources/"+slug)
	for _, want := range []string{"could not be read", "tried again", "since"} {
		if !strings.Contains(strings.ToLower(page), want) {
			t.Errorf("the page of %s does not say %q", slug, want)
		}
	}
	p.wantNoSecret(t, "the page of "+slug, page)
	p.wantNoSecret(t, "the crawl of "+slug, crawl.String())
	if s.Datasets == 0 { // which ones, wantAllKnown checks: other tests make and drop theirs in the same lake
		t.Errorf("%s has no datasets any more", slug)
	}
}

// wantAllKnown checks that everything that the company has is there and shown, fast.
func (p *platform) wantAllKnown(t *testing.T, c *company) {
	t.Helper()
	for _, key := range [][2]string{
		{"lake", c.schema + ".orders"},
		{"warehouse", "lake." + c.schema + ".orders"},
		{"events", c.topic},
		{"schemas", c.topic + "-value"},
		{"app", c.schema + ".customers"},
		{"app", c.schema + ".names"},
		{"models", "shop.orders"},
	} {
		if d := p.dataset(t, key[0], key[1]); d.GoneAt != nil {
			t.Errorf("%s %s is gone", key[0], key[1])
		}
	}
	if d := p.dataset(t, "events", c.topic); len(d.Detail.Schemas) != 2 || d.Detail.Topic == nil || len(d.Detail.Topic.Partitions) != 3 {
		t.Errorf("the topic has lost something: %+v", d.Detail)
	}
	for _, path := range []string{"/", "/sources", "/data?q=" + c.topic, "/d/events/" + c.topic, "/d/lake/" + c.schema + ".orders"} {
		p.page(t, path)
	}
}

// A portal that is killed in the middle of its crawls carries on after the start.
func TestPlatformKilled(t *testing.T) {
	t.Parallel()
	c, p := newCompany(t, "zk"), newPlatform(t)
	between, declared := c.newProxies()
	p.start(t, sources(declared))
	p.good(t, everything...)
	slow := []string{"warehouse", "app", "schemas", "events"}
	for _, slug := range slow {
		c.toxic(between[slug], "timeout", "downstream", `{"timeout":0}`)
	}
	ids := map[string]string{}
	for _, slug := range slow {
		ids[slug] = p.begin(t, slug)
	}
	eventually(t, "a crawl is under way", func() bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(ids)), func(id string) bool {
			return ask[crawlSeen](t, p, "/crawls/"+id).State == "running"
		})
	})
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	p.cmd = nil
	for _, slug := range slow {
		c.untoxic(between[slug], "timeout-downstream")
	}
	// Time passes: those crawls have been silent for long.
	execute(t, connect(t, p.database), `UPDATE crawl SET heartbeat_at = heartbeat_at - interval '2 hours' WHERE finished_at IS NULL`)
	p.serve(t)
	p.wantAllKnown(t, c)
	eventually(t, "no crawl of the killed portal is open", func() bool {
		return !slices.ContainsFunc(slices.Collect(maps.Values(ids)), func(id string) bool {
			return ask[crawlSeen](t, p, "/crawls/"+id).FinishedAt == nil
		})
	})
	p.good(t, everything...)
	p.wantAllKnown(t, c)
}

// Wrong proofs of who we are, and wrong certificates, are told as what they are, and nothing is lost by them.
func TestPlatformRefused(t *testing.T) {
	t.Parallel()
	c, p := newCompany(t, "open_"), newPlatform(t)
	c.prefix = "o" // and the other schemas of this test
	c.do(`CREATE SCHEMA lake.other_%s`, c.schema)
	t.Cleanup(func() { c.do(`DROP SCHEMA lake.other_%s CASCADE`, c.schema) })
	c.do(`CREATE TABLE lake.other_%s.hidden (id bigint)`, c.schema)
	good := c.declared()
	p.start(t, sources(good))
	p.good(t, everything...)
	refusals := []struct {
		name, slug, says string
		change           [2]string
	}{
		{"wrong password", "warehouse", "password", [2]string{"${TRINO_PASSWORD}", "${WRONG_PASSWORD}"}},
		{"wrong password", "events", "refused the user", [2]string{"${KAFKA_PASSWORD}", "${WRONG_PASSWORD}"}},
		{"unknown authority", "warehouse", "ca_file", [2]string{"ca_file: " + c.stack.CA, "source: portreeve"}},
		{"unknown authority", "events", "ca_file", [2]string{"ca_file: " + c.stack.CA, "tls: true"}},
		{"wrong database", "app", "database", [2]string{"/app?", "/nosuch?"}},
	}
	for _, tt := range refusals {
		t.Run(tt.name+" of "+tt.slug, func(t *testing.T) {
			p.apply(t, changed(good, tt.slug, tt.change))
			run := p.crawl(t, tt.slug, "schemas")
			p.wantTrouble(t, tt.slug, run[tt.slug])
			if !strings.Contains(run[tt.slug].Message, tt.says) || run["schemas"].State != "finished" {
				t.Errorf("the crawls are %v, want one that says %q and a good one", run, tt.says)
			}
			p.wantAllKnown(t, c)
			p.apply(t, good)
			p.good(t, tt.slug)
		})
	}
	t.Run("a user who may see half", func(t *testing.T) { // Trino hides what one may not see: nobody can tell it from what is gone
		hidden := "lake.other_" + c.schema + ".hidden"
		half := changed(good, "warehouse", [2]string{"user: " + c.stack.User, "user: " + c.stack.Limited})
		p.apply(t, changed(half, "warehouse", [2]string{"password: ${TRINO_PASSWORD}", "jwt: ${LIMITED_JWT}"}))
		p.good(t, "warehouse")
		p.wantAllKnown(t, c)
		if d := p.dataset(t, "warehouse", hidden); d.GoneAt == nil {
			t.Error("what the user may not see is said to be there")
		}
		p.apply(t, good)
		p.good(t, "warehouse")
		if d := p.dataset(t, "warehouse", hidden); d.GoneAt != nil {
			t.Error("what the user may see again is still gone")
		}
		p.wantHistory(t, "warehouse", hidden, "created dataset", "gone dataset", "back dataset")
	})
	p.wantNoSecret(t, "the log", p.output.String())
	p.wantNoSecret(t, "the database", dumped(t, p.database))
}

// apply declares an estate and waits until it is in force.
func (p *platform) apply(t *testing.T, estate map[string][]string) {
	t.Helper()
	applied := strings.Count(p.output.String(), `"msg":"estate applied"`)
	p.declare(t, sources(estate))
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the estate is applied", func() bool { return strings.Count(p.output.String(), `"msg":"estate applied"`) > applied })
}

// changed returns an estate with something else in the settings of a source.
func changed(estate map[string][]string, slug string, change [2]string) map[string][]string {
	all := maps.Clone(estate)
	all[slug] = slices.Clone(estate[slug])
	for i, line := range all[slug] {
		all[slug][i] = strings.Replace(line, change[0], change[1], 1)
	}
	return all
}
