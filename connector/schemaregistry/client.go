package schemaregistry

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"portreeve/fault"
)

const (
	atOnce     = 4                // requests, and subjects in memory
	tries      = 3                // rounds over the addresses
	maxPause   = 30 * time.Second // a registry that asks for more is said to be busy
	maxRefusal = 64 << 10         // bytes of an answer that is an error
)

// client asks one registry, at whichever of its addresses answers. franz-go's client is not used since it bounds no answer,
// does not go on to the next address after a 503 and knows no Retry-After.
type client struct {
	urls                  []string
	http                  *http.Client
	user, password, token string
	timeout               time.Duration // of one answer
	good                  atomic.Int32  // index of the address that answered last
}

func newClient(s settings, security *tls.Config) *client {
	return &client{
		urls: s.urls, user: s.user, password: s.password, token: s.token, timeout: s.timeout,
		http: &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, TLSClientConfig: security, ForceAttemptHTTP2: true,
				DialContext:         (&net.Dialer{Timeout: s.timeout / 3}).DialContext, // leaves time for another address
				MaxIdleConnsPerHost: atOnce, MaxConnsPerHost: 2 * atOnce, IdleConnTimeout: 30 * time.Second,
			},
			// A login page is no registry, and our password is not for whoever is redirected to.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// refusal is an answer of the registry that is an error of its own.
type refusal struct {
	status  int
	code    int // of the registry's own, 0 when the answer was not in its form: it may be a proxy's
	message string
	err     error // a *stranger if the answer was not in its form
}

func (r *refusal) Unwrap() error { return r.err }

func (r *refusal) Error() string {
	return fmt.Sprintf("HTTP %d, code %d: %s", r.status, r.code, r.message)
}

// silence is that no answer came, or none that makes sense.
type silence struct {
	why   string // continues "the registry"; never holds a secret
	pause time.Duration
	again bool // trying again may help
	down  bool // nothing else will be answered either
	err   error
}

func (s *silence) Error() string { return s.why }

func (s *silence) Unwrap() error { return s.err }

// get asks for path and decodes the JSON of the answer, at most limit bytes. Its error is a *refusal, a *silence or that of ctx.
func (c *client) get(ctx context.Context, path string, limit int64, into any) error {
	return c.do(ctx, path, c.timeout, func(body io.Reader) error {
		text, err := io.ReadAll(io.LimitReader(body, limit+1))
		if err != nil {
			return err
		}
		if int64(len(text)) > limit {
			return &silence{why: fmt.Sprintf("answered with more than %d KiB", limit>>10)}
		}
		return json.Unmarshal(text, into)
	})
}

// do asks for path until an address answers, and hands the body to read, maybe again and again.
func (c *client) do(ctx context.Context, path string, timeout time.Duration, read func(io.Reader) error) error {
	for try := 1; ; try++ {
		again, pause := false, 250*time.Millisecond<<(2*(try-1))
		var last error
		first := int(c.good.Load())
		for i := range c.urls {
			at := (first + i) % len(c.urls)
			last = c.once(ctx, c.urls[at]+path, timeout, read)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var quiet *silence
			if !errors.As(last, &quiet) {
				c.good.Store(int32(at)) //nolint:gosec // an index
				return last
			}
			again, pause = again || quiet.again, max(pause, quiet.pause)
		}
		if !again || try == tries || pause > maxPause {
			return last
		}
		if err := rest(ctx, pause); err != nil {
			return err
		}
	}
}

func rest(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// once asks one address once.
func (c *client) once(ctx context.Context, address string, timeout time.Duration, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return &silence{why: "cannot be asked: its address is bad", err: err}
	}
	req.Header.Set("Accept", "application/vnd.schemaregistry.v1+json, application/json;q=0.9")
	switch {
	case c.token != "":
		req.Header.Set("Authorization", "Bearer "+c.token)
	case c.user != "":
		req.SetBasicAuth(c.user, c.password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.noAnswer(ctx, req.URL, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return c.failed(resp)
	}
	head := &beginning{from: resp.Body}
	err = read(head)
	var quiet *silence
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	switch {
	case err == nil, errors.As(err, &quiet):
		return err
	case errors.As(err, &syntax), errors.As(err, &shape):
		const why = "at %s answers with something else than its JSON: is this the address of its API, and does no proxy stand before it?"
		return &silence{why: fmt.Sprintf(why, req.URL.Host), err: c.stranger(resp, head.text)}
	}
	return c.noAnswer(ctx, req.URL, err)
}

// noAnswer says why there was none: err may hold the address, which has no secret, but reads badly.
func (c *client) noAnswer(ctx context.Context, at *url.URL, err error) error {
	if ctx.Err() != nil { // as the caller sees to its own cancellation, this is the timeout
		return &silence{why: fmt.Sprintf("at %s did not answer within %v", at.Host, c.timeout), err: err}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &silence{why: fmt.Sprintf("at %s shows a certificate that is not trusted: see the setting ca_file", at.Host), down: true, err: err}
	}
	return &silence{why: fmt.Sprintf("at %s does not answer", at.Host), again: true, down: true, err: err}
}

// failed makes an error of an answer that is none of success.
func (c *client) failed(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what there is of it says enough
	var body struct {
		Code    int    `json:"error_code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(text, &body) // a proxy's page stays empty
	message := fault.Line(body.Message, 300)
	host, status := resp.Request.URL.Host, resp.StatusCode
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		pause := retryAfter(resp.Header)
		why := fmt.Sprintf("at %s is too busy (HTTP %d)", host, status)
		if pause > 0 {
			why += fmt.Sprintf(" and asks to wait %v", pause)
		}
		return &silence{why: why, pause: pause, again: true, down: true}
	case status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		return &silence{why: fmt.Sprintf("at %s does not answer the proxy before it (HTTP %d)", host, status), again: true, down: true}
	case status >= http.StatusInternalServerError && body.Code == 0:
		return &silence{why: strings.TrimSuffix(fmt.Sprintf("at %s fails (HTTP %d): %s", host, status, message), ": ")}
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return &silence{why: fmt.Sprintf("at %s sends elsewhere, to %s: use the address of its API itself", host, elsewhere(resp))}
	}
	no := &refusal{status: status, code: body.Code, message: message}
	if body.Code == 0 && status != http.StatusUnauthorized && status != http.StatusForbidden {
		no.err = c.stranger(resp, text)
	}
	return no
}

// elsewhere names the host of a redirection; the rest of the address may hold secrets.
func elsewhere(resp *http.Response) string {
	if to, err := resp.Location(); err == nil {
		return fault.Line(to.Host, 200)
	}
	return "nowhere"
}

// retryAfter returns how long the answer asks to wait. A date counts from the answer's own, so no clock need be right.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 24*60*60)) * time.Second
	}
	at, err := http.ParseTime(text)
	now, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil || at.Before(now) {
		return 0
	}
	return at.Sub(now)
}

// segment escapes a subject for a path, so that one named ".." cannot lead elsewhere.
func segment(subject string) string {
	if strings.Trim(subject, ".") == "" {
		return strings.ReplaceAll(subject, ".", "%2E")
	}
	return url.PathEscape(subject)
}
