package oidc

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// keysFor is how long the provider's keys are not asked for again: tokens that name keys which do not exist must not make us
// ask at their rate. A new key of the provider is known after that time at the latest.
const keysFor = 30 * time.Second

// keyCache answers a second request for keys, within keysFor, with what the first was answered. All else it lets pass.
type keyCache struct {
	next http.RoundTripper
	now  func() time.Time

	mu   sync.Mutex
	last map[string]kept // by address
}

type kept struct {
	at     time.Time
	status int
	header http.Header
	body   []byte
}

func (k *keyCache) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet || r.Header.Get("Authorization") != "" || strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration") {
		return k.next.RoundTrip(r)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	at := r.URL.String()
	if a, ok := k.last[at]; ok && k.now().Sub(a.at) < keysFor {
		return a.answer(r), nil
	}
	res, err := k.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	a := kept{k.now(), res.StatusCode, res.Header, body}
	if res.StatusCode == http.StatusOK {
		k.last = map[string]kept{at: a} // there is one such address
	}
	return a.answer(r), nil
}

func (a kept) answer(r *http.Request) *http.Response {
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.header.Clone(),
		Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r,
	}
}
