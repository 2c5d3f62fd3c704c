package web

import (
	"encoding/hex"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"
)

// How much one person, or one address that nobody is signed in from, may ask of one process. It is far above what people
// do and what a careful program does; it keeps a loop from taking the portal away from everyone else.
const (
	personRate, personBurst   = 50, 300 // requests a second, and at once
	addressRate, addressBurst = 20, 200
	maxLimiters               = 10_000
)

// limits holds a rate limiter for whoever asked lately.
type limits struct {
	mu sync.Mutex
	of map[string]*rate.Limiter
}

func newLimits() *limits {
	return &limits{of: map[string]*rate.Limiter{}}
}

// take returns how long key must wait until it may ask again: 0 when it may now.
func (l *limits) take(key string, r rate.Limit, burst int, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	lim, ok := l.of[key]
	if !ok {
		l.makeRoom(now)
		lim = rate.NewLimiter(r, burst)
		l.of[key] = lim
	}
	res := lim.ReserveN(now, 1)
	wait := res.DelayFrom(now)
	if wait > 0 {
		res.CancelAt(now)
	}
	return wait
}

// makeRoom forgets limiters that have nothing to remember, once there are many; then any, if that was not enough.
func (l *limits) makeRoom(now time.Time) {
	if len(l.of) < maxLimiters {
		return
	}
	for key, lim := range l.of {
		if lim.TokensAt(now) >= float64(lim.Burst()) {
			delete(l.of, key)
		}
	}
	for key := range l.of {
		if len(l.of) < maxLimiters {
			return
		}
		delete(l.of, key)
	}
}

// limited answers 429 to those who ask too much. Addresses are those of connections: headers that claim another are not
// believed, so behind a proxy all who are not signed in share one limit.
func (s *Server) limited(next echo.HandlerFunc) echo.HandlerFunc {
	l := s.live().limits
	return func(c echo.Context) error {
		var wait time.Duration
		if p := principal(c); p.ID != 0 {
			wait = l.take("person "+strconv.FormatInt(p.ID, 10), personRate, personBurst, s.Now())
		} else {
			wait = l.take("address "+remoteHost(c.Request()), addressRate, addressBurst, s.Now())
		}
		if wait > 0 {
			return tooMany(c, wait, "Too many requests at once.")
		}
		return next(c)
	}
}

// tooMany asks the client to slow down.
func tooMany(c echo.Context, wait time.Duration, why string) error {
	retryIn(c, wait)
	return echo.NewHTTPError(http.StatusTooManyRequests, why)
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return hex.EncodeToString(ip.To16()[:8]) // whoever has one IPv6 address has 2^64 of them
	}
	return host
}
