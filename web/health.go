package web

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"portreeve/fault"
)

// healthWait is how long a dependency has to answer.
const healthWait = 2 * time.Second

// health is what /livez and /readyz say.
type health struct {
	Status       string             `json:"status"` // ok, unavailable, or stopping
	Version      string             `json:"version"`
	Dependencies []dependencyHealth `json:"dependencies"`
}

type dependencyHealth struct {
	Name    string `json:"name"`
	Status  string `json:"status"`            // ok or unavailable
	Problem string `json:"problem,omitempty"` // what a person may be told of it
	MS      int64  `json:"ms"`
}

func (s *Server) healthRoutes() []route {
	return []route{
		{http.MethodGet, "/livez", public, echo.WrapHandler(http.HandlerFunc(s.getLivez))},
		{http.MethodGet, "/readyz", public, echo.WrapHandler(http.HandlerFunc(s.getReadyz))},
	}
}

func isHealth(r *http.Request) bool { return r.URL.Path == "/livez" || r.URL.Path == "/readyz" }

// getLivez says that the process runs. It depends on nothing else: a restart would not mend a database.
func (s *Server) getLivez(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, health{Status: "ok", Version: s.Version, Dependencies: []dependencyHealth{}})
}

// getReadyz says whether requests should be sent here.
func (s *Server) getReadyz(w http.ResponseWriter, r *http.Request) {
	h := health{Status: "ok", Version: s.Version, Dependencies: make([]dependencyHealth, len(s.Health))}
	var all sync.WaitGroup
	for i, d := range s.Health {
		all.Go(func() { h.Dependencies[i] = s.ask(r.Context(), d) })
	}
	all.Wait()
	for _, d := range h.Dependencies {
		if d.Status != "ok" {
			h.Status = "unavailable"
		}
	}
	select {
	case <-s.live().draining:
		h.Status = "stopping"
	default:
	}
	writeHealth(w, h)
}

// ask asks one dependency. What it answers beyond a fault's message goes to the log alone.
func (s *Server) ask(ctx context.Context, d Dependency) dependencyHealth {
	start := s.Now()
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	err := d.Check(ctx)
	h := dependencyHealth{Name: d.Name, Status: "ok", MS: s.Now().Sub(start).Milliseconds()}
	if err != nil {
		h.Status, h.Problem = "unavailable", fault.Message(err)
		s.Log.WarnContext(ctx, "dependency unavailable", "dependency", d.Name, "err", err)
	}
	return h
}

func writeHealth(w http.ResponseWriter, h health) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if h.Status != "ok" {
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(h) //nolint:errcheck // the reader may be gone
}

// OpsHandler returns what operators use and visitors must not reach: /metrics, /debug/pprof, /livez and /readyz. It belongs
// on a listener of its own.
func (s *Server) OpsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", s.getLivez)
	mux.HandleFunc("GET /readyz", s.getReadyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.live().metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return secure(false, rebindProof(mux))
}

// rebindProof refuses requests to this machine under a name that is not its own: a page elsewhere could otherwise read the
// operators' listener through a visitor's browser.
func rebindProof(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if local != nil && loopback(local.String()) && !loopback(r.Host) {
			http.Error(w, "This listener answers to the names of this machine only.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// metrics is what Prometheus reads.
type metrics struct {
	registry *prometheus.Registry
	inFlight prometheus.Gauge
	viewers  prometheus.Gauge
	duration *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "portreeve_http_requests_in_flight", Help: "Requests being answered."}),
		viewers:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "portreeve_event_streams", Help: "Open event streams."}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "portreeve_http_request_seconds", Help: "Time to answer a request, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method", "status"}),
	}
	m.registry.MustRegister(m.inFlight, m.viewers, m.duration, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts a request. What met no route is one series, however many addresses were tried.
func (m *metrics) observe(route, method string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.duration.WithLabelValues(route, knownMethod(method), statusClass(status)).Observe(took.Seconds())
}

func statusClass(status int) string { return strconv.Itoa(status/100) + "xx" }
