package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/oauth2-proxy/mockoidc"
)

// measureLogins lets people sign in one after another at a provider in this process, and measures the portal's part: from the
// click to the provider, and from there to the page, without what the provider took.
func measureLogins(ctx context.Context, out io.Writer, db *pgxpool.Pool, logins int) error {
	provider, err := mockoidc.NewServer(nil)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = provider.Shutdown() }()
	var theirs atomic.Int64
	err = provider.AddMiddleware(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			next.ServeHTTP(w, r)
			theirs.Add(int64(time.Since(start)))
		})
	})
	if err != nil {
		return err
	}
	if err := provider.Start(listener, nil); err != nil {
		return err
	}
	binary, remove, err := build(ctx)
	if err != nil {
		return err
	}
	defer remove()
	c := provider.Config()
	p, err := startPortal(ctx, binary, db.Config().ConnString(), "PORTREEVE_OIDC_ISSUER="+c.Issuer, "PORTREEVE_OIDC_CLIENT_ID="+c.ClientID,
		"PORTREEVE_OIDC_CLIENT_SECRET="+c.ClientSecret)
	if err != nil {
		return err
	}
	defer p.stop()
	var times []time.Duration
	for i := range logins {
		provider.QueueUser(&mockoidc.MockUser{Subject: fmt.Sprint("bench-", i), Email: fmt.Sprint(i, "@example.com"), PreferredUsername: "Bench", Groups: []string{"data", "all"}})
		theirs.Store(0)
		took, err := p.login(ctx)
		if err != nil {
			return err
		}
		if i >= 10 { // the first ask for keys, and fill caches
			times = append(times, took-time.Duration(theirs.Load()))
		}
	}
	printTimes(out, "login, the portal's part", times, 50*time.Millisecond)
	return nil
}

// login goes from the login page over the provider back to a page, which is not asked for.
func (p *portal) login(ctx context.Context) (took time.Duration, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return 0, err
	}
	client := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	at := p.url + "/login/start"
	start := time.Now()
	for range 3 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			return 0, err
		}
		res, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if at = res.Header.Get("Location"); at == "" {
			return 0, fmt.Errorf("%s answered with %s", req.URL.Path, res.Status)
		}
	}
	took = time.Since(start)
	if strings.Contains(at, "/login") {
		return 0, fmt.Errorf("the login ended at %s", at)
	}
	return took, nil
}
