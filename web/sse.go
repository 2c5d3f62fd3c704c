package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// Bounds of event streams.
const (
	maxStreams       = 1000             // of one process
	maxPersonStreams = 20               // of one person
	streamBeat       = 15 * time.Second // a stream says at least this often that it lives
	streamWrite      = 10 * time.Second // a reader that takes longer over one event is dropped
)

// streams counts who is watching.
type streams struct {
	mu  sync.Mutex
	all int
	of  map[int64]int // by person
}

func newStreams() *streams { return &streams{of: map[int64]int{}} }

// enter counts a person in and reports false when there is no room.
func (st *streams) enter(person int64) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.all >= maxStreams || st.of[person] >= maxPersonStreams {
		return false
	}
	st.all++
	st.of[person]++
	return true
}

func (st *streams) leave(person int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.all--
	if st.of[person]--; st.of[person] == 0 {
		delete(st.of, person)
	}
}

// stream answers with server-sent events until next says that it is done, the reader leaves or the server stops. next is
// called with "" at once and at every heartbeat, and with the payload of every announcement on topics; an empty event sends
// nothing. Calls do not overlap. An error before the first event is answered like any other; a later one ends the stream,
// and the browser comes back.
func (s *Server) stream(c echo.Context, topics []string, next func(payload string) (event string, data []byte, done bool, err error)) error {
	r := s.live()
	person := principal(c).ID
	if !r.streams.enter(person) {
		return tooMany(c, streamBeat, "Too many live views are open. Close some.")
	}
	r.metrics.viewers.Inc()
	defer func() {
		r.metrics.viewers.Dec()
		r.streams.leave(person)
	}()
	payloads, cancel := s.subscribe(topics)
	defer cancel()
	event, data, done, err := next("") // after subscribing: nothing falls between the two
	if err != nil {
		return err
	}
	if err := s.openStream(c); err != nil || requestOf(c).head {
		return err
	}
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	for {
		if s.send(c, event, data) != nil || done {
			return nil // an error means that the reader is gone
		}
		payload, open := "", true
		select {
		case <-c.Request().Context().Done():
			return nil
		case <-r.draining:
			return nil
		case <-beat.C:
		case payload, open = <-payloads:
		}
		if !open {
			return nil
		}
		if event, data, done, err = next(payload); err != nil {
			return err
		}
	}
}

// subscribe merges the announcements on topics.
func (s *Server) subscribe(topics []string) (<-chan string, func()) {
	if len(topics) == 1 {
		return s.Events.Subscribe(topics[0])
	}
	merged, stop := make(chan string), make(chan struct{})
	cancels := make([]func(), len(topics))
	for i, topic := range topics {
		var payloads <-chan string
		payloads, cancels[i] = s.Events.Subscribe(topic)
		go func() {
			for {
				select {
				case <-stop:
					return
				case p, open := <-payloads:
					if !open {
						return
					}
					select {
					case merged <- p:
					case <-stop:
						return
					}
				}
			}
		}()
	}
	return merged, func() {
		close(stop)
		for _, cancel := range cancels {
			cancel()
		}
	}
}

// openStream sends the head of the answer. The server's bound on reading a request would end the stream, so it goes.
func (s *Server) openStream(c echo.Context) error {
	http.NewResponseController(c.Response().Writer).SetReadDeadline(time.Time{}) //nolint:errcheck // not every connection has deadlines
	h := c.Response().Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // proxies must not wait for the end
	c.Response().WriteHeader(http.StatusOK)
	return s.send(c, "", nil)
}

// send writes one event, or a comment that keeps the connection open.
func (s *Server) send(c echo.Context, event string, data []byte) error {
	var buf bytes.Buffer
	if event == "" {
		buf.WriteString(":\n\n")
	} else {
		fmt.Fprintf(&buf, "event: %s\n", event)
		for line := range strings.Lines(strings.ReplaceAll(string(data), "\r", "")) {
			fmt.Fprintf(&buf, "data: %s\n", strings.TrimSuffix(line, "\n"))
		}
		buf.WriteString("\n")
	}
	ctl := http.NewResponseController(c.Response().Writer)
	ctl.SetWriteDeadline(s.Now().Add(streamWrite)) //nolint:errcheck // not every writer has deadlines; then the server's holds
	if _, err := c.Response().Write(buf.Bytes()); err != nil {
		return err
	}
	return ctl.Flush()
}
