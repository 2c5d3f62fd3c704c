package trino

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	client "github.com/trinodb/trino-go-client/trino"

	"portreeve/catalog"
	"portreeve/fault"
)

const (
	maxResult   = 64 << 20 // most bytes of a query's result, and of one answer over HTTP
	cancelTime  = 5 * time.Second
	connectTime = 10 * time.Second
	networkTime = 15 * time.Second // new tries of one HTTP request, by the client library
)

// errTooMuch is a result that is larger than any that we ask for.
var errTooMuch = errors.New("the answer is larger than 64 MiB")

// errSlow is the cause of a context that ended because one query took too long.
var errSlow = errors.New("the query took too long")

// open returns a crawler that has not asked anything yet.
func open(src catalog.Source) (*Crawler, error) {
	s, err := read(src.Config)
	if err != nil {
		return nil, err
	}
	transport, err := s.transport()
	if err != nil {
		return nil, err
	}
	address := &url.URL{Scheme: s.url.Scheme, Host: s.url.Host}
	switch {
	case s.password != "":
		address.User = url.UserPassword(s.user, s.password)
	case s.user != "":
		address.User = url.User(s.user)
	}
	retry := networkTime
	attempts := 6
	connector, err := client.NewConnector(&client.Config{
		ServerURI: address.String(), Source: s.source, ClientTags: s.clientTags, SessionProperties: s.session, Roles: s.roles,
		AccessToken: s.jwt, TimeZone: "UTC", RequestRetryTimeout: &retry, RequestRetryMaxAttempts: &attempts,
		HTTPClient: &http.Client{Transport: transport},
	})
	if err != nil { // the cause may hold the address, which holds the password
		return nil, fault.Invalidf("url", "the settings of Trino cannot be used together")
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(0) // a used connection of this library remembers the session
	db.SetMaxOpenConns(s.parallel)
	c := &Crawler{
		db: db, settings: s, namespace: src.Namespace, slots: make(chan struct{}, s.parallel),
		pauses:     []time.Duration{time.Second, 3 * time.Second, 9 * time.Second},
		connectors: map[string]string{}, schemas: map[string][]string{},
	}
	if c.namespace == "" {
		c.namespace = "trino://" + hostPort(s.url)
	}
	return c, nil
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" {
		return u.Host + ":443"
	}
	return u.Host + ":80"
}

// transport returns the HTTP transport with the settings' certificates.
func (s *settings) transport() (http.RoundTripper, error) {
	security, err := catalog.TLSFiles(s.caFile, s.certFile, s.keyFile)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: s.parallel, IdleConnTimeout: time.Minute,
		DialContext: (&net.Dialer{Timeout: connectTime}).DialContext, TLSHandshakeTimeout: connectTime,
		TLSClientConfig: security,
	}
	return bounded{t, s.url, s.secrets()}, nil
}

// errElsewhere is an answer that says to ask another server, which our password is not for.
var errElsewhere = errors.New("the answer leads to another address")

// bounded is a transport that asks nobody but the coordinator, reads no endless answer and does not wait long for a cancellation.
type bounded struct {
	next    http.RoundTripper
	home    *url.URL
	secrets []string
}

// RoundTrip refuses other servers: the client library sends our password to whatever address an answer names as the next one.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != b.home.Scheme || !strings.EqualFold(hostPort(req.URL), hostPort(b.home)) {
		if req.Body != nil {
			_ = req.Body.Close() // as a RoundTripper must
		}
		return nil, errElsewhere
	}
	cancel := func() {}
	if req.Method == http.MethodDelete {
		var ctx context.Context
		ctx, cancel = context.WithTimeout(req.Context(), cancelTime)
		req = req.WithContext(ctx)
	}
	resp, err := b.next.RoundTrip(req)
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxResult, done: cancel, odd: strange(resp, b.secrets)}
	return resp, nil
}

type boundedBody struct {
	io.ReadCloser
	left int
	done func()
	odd  error // in the place of the body
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.odd != nil {
		return 0, b.odd
	}
	if b.left <= 0 {
		return 0, errTooMuch
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *boundedBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

// query returns all rows of a query whose columns are all text; NULL is "". It tries again when Trino has no room for it.
func (c *Crawler) query(ctx context.Context, text string) ([][]string, error) {
	for try := 0; ; try++ {
		rows, err := c.once(ctx, text)
		if err == nil || try == len(c.pauses) || !crowded(err) {
			return rows, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(c.pauses[try]):
		}
	}
}

// once runs a query when there is a slot for it.
func (c *Crawler) once(ctx context.Context, text string) ([][]string, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case c.slots <- struct{}{}:
	}
	defer func() { <-c.slots }()
	timed, cancel := context.WithTimeoutCause(ctx, c.settings.timeout, errSlow)
	defer cancel()
	c.queries.Add(1)
	rows, err := c.all(timed, text)
	if err != nil && ctx.Err() == nil && timed.Err() != nil {
		return nil, errors.Join(errSlow, err)
	}
	return rows, err
}

func (c *Crawler) all(ctx context.Context, text string) ([][]string, error) {
	rows, err := c.db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // deletes the query if it is not read to its end
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out [][]string
	size := 0
	values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = v.String
			size += len(v.String) + 16
		}
		if out = append(out, row); size > maxResult {
			return nil, errTooMuch
		}
	}
	return out, rows.Err()
}
