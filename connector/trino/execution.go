package trino

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"portreeve/fault"
	"portreeve/query"
)

// page is an answer of the protocol.
type page struct {
	ID          string          `json:"id"`
	NextURI     string          `json:"nextUri"`
	Columns     []pageColumn    `json:"columns"`
	Data        json.RawMessage `json:"data"`
	Stats       pageStats       `json:"stats"`
	Error       *pageError      `json:"error"`
	Warnings    []pageWarning   `json:"warnings"`
	UpdateType  string          `json:"updateType"`
	UpdateCount *int64          `json:"updateCount"`
}

type pageColumn struct{ Name, Type string }

type pageStats struct {
	State           string          `json:"state"`
	Percent         json.RawMessage `json:"progressPercentage"` // a number, or "NaN"
	QueuedTime      int64           `json:"queuedTimeMillis"`
	ElapsedTime     int64           `json:"elapsedTimeMillis"`
	CPUTime         int64           `json:"cpuTimeMillis"`
	ProcessedRows   int64           `json:"processedRows"`
	ProcessedBytes  int64           `json:"processedBytes"`
	PhysicalBytes   int64           `json:"physicalInputBytes"`
	PeakMemory      int64           `json:"peakMemoryBytes"`
	Spilled         int64           `json:"spilledBytes"`
	TotalSplits     int             `json:"totalSplits"`
	CompletedSplits int             `json:"completedSplits"`
}

type pageError struct {
	Message   string `json:"message"`
	ErrorName string `json:"errorName"`
	ErrorType string `json:"errorType"`
	Location  *struct {
		Line   int `json:"lineNumber"`
		Column int `json:"columnNumber"`
	} `json:"errorLocation"`
}

type pageWarning struct {
	Code    struct{ Name string } `json:"warningCode"`
	Message string                `json:"message"`
}

// execution is a query in Trino. It implements query.Execution.
type execution struct {
	engine *Engine
	id     string
	user   string
	first  *page // the answer to Start, until it is handed on

	mu     sync.Mutex
	next   string // path to ask next; "" at the end
	ended  bool
	called bool // Cancel was
}

// held is a Handle.
type held struct{ ID, User, Next string }

func (x *execution) ID() string { return x.id }

// Handle holds the path of the next page, which Trino gives to whoever has it and may ask the cluster at all.
func (x *execution) Handle() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	text, _ := json.Marshal(held{x.id, x.user, x.next}) // three texts
	return string(text)
}

// Attach goes on with a query of another process. Trino keeps one for five minutes after it was asked for last.
func (e *Engine) Attach(handle string) (query.Execution, error) {
	var h held
	if err := json.Unmarshal([]byte(handle), &h); err != nil || h.ID == "" || !strings.HasPrefix(h.Next, "/v1/") {
		return nil, fault.Invalidf("handle", "this is no query of Trino")
	}
	return &execution{engine: e, id: h.ID, user: h.User, next: h.Next}, nil
}

// Next asks for the next page. Trino answers it at the latest after a second.
func (x *execution) Next(ctx context.Context) (query.Update, error) {
	if p := x.first; p != nil {
		x.first = nil
		return x.update(p)
	}
	x.mu.Lock()
	path, ended := x.next, x.ended
	x.mu.Unlock()
	if path == "" || ended {
		return query.Update{}, io.EOF
	}
	p, err := x.engine.get(ctx, path, x.user)
	if err != nil {
		return query.Update{}, x.failed(ctx, err)
	}
	next, err := x.engine.pathOf(p.NextURI)
	if err != nil {
		return query.Update{}, err
	}
	x.mu.Lock()
	x.next = next
	x.mu.Unlock()
	return x.update(p)
}

// failed says why a page did not come.
func (x *execution) failed(ctx context.Context, err error) error {
	x.mu.Lock()
	called := x.called
	x.mu.Unlock()
	status := statusOf(err)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case called:
		x.end()
		return &query.Problem{Cause: query.Stopped, Message: "it was stopped", Code: "USER_CANCELED"}
	case status == http.StatusNotFound || status == http.StatusGone:
		x.end()
		return fault.NotFoundf("Trino knows the query %s no more: nobody asked for its rows for too long, or Trino was started anew", x.id)
	case errors.Is(err, errTooMuch):
		return &query.Problem{Cause: query.Limit, Message: "a part of the result is larger than 64 MiB: a cell of it may be", Code: "PAGE_TOO_LARGE"}
	}
	return x.engine.unanswered(err)
}

func (x *execution) end() {
	x.mu.Lock()
	x.ended = true
	x.mu.Unlock()
}

// update is what a page tells. Its error is a *query.Problem.
func (x *execution) update(p *page) (query.Update, error) {
	u := query.Update{Progress: p.Stats.progress(), Done: p.UpdateType, Count: p.UpdateCount}
	for _, c := range p.Columns {
		u.Columns = append(u.Columns, query.Column{Name: c.Name, Type: c.Type})
	}
	for _, w := range p.Warnings {
		u.Warnings = append(u.Warnings, query.Warning{Code: w.Code.Name, Message: w.Message})
	}
	if p.Error != nil {
		x.end()
		return u, p.Error.problem()
	}
	n, err := countRows(p.Data)
	if err != nil {
		return u, fault.Unavailablef(err, "Trino answers with rows that cannot be read")
	}
	if n > 0 {
		u.Rows = query.Rows{JSON: p.Data, Count: n}
	}
	return u, nil
}

// Cancel deletes the query.
func (x *execution) Cancel(ctx context.Context) error {
	x.mu.Lock()
	path := x.next
	done := path == "" || x.ended || x.called
	x.called = true
	x.mu.Unlock()
	if done {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, x.engine.at(path), http.NoBody)
	if err != nil {
		return err
	}
	x.engine.authorize(req.Header, x.user)
	res, err := x.engine.client.Do(req)
	if err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if s := badStatus(res.StatusCode); passing(s) {
			err = s
		}
	}
	if err != nil {
		x.mu.Lock()
		x.called = false // it may be tried again
		x.mu.Unlock()
		return x.engine.unanswered(err)
	}
	return nil
}

// at returns the address of a path on the cluster.
func (e *Engine) at(path string) string {
	return e.settings.url.Scheme + "://" + e.settings.url.Host + path
}

// Pauses before a page is asked for again that a proxy, or a busy coordinator, did not answer.
var againIn = []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second, 5 * time.Second}

// get asks for a page, again where that may help: the same page can be asked for until the one after it was.
func (e *Engine) get(ctx context.Context, path, user string) (*page, error) {
	for try := 0; ; try++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.at(path), http.NoBody)
		if err != nil {
			return nil, err
		}
		e.authorize(req.Header, user)
		p, err := e.ask(req)
		if err == nil || try == len(againIn) || !passing(err) {
			return p, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(againIn[try]):
		}
	}
}

// badStatus is an answer other than 200.
type badStatus int

func (s badStatus) Error() string { return "status " + strconv.Itoa(int(s)) }

func statusOf(err error) int {
	if s, ok := errors.AsType[badStatus](err); ok {
		return int(s)
	}
	if s, ok := errors.AsType[*stranger](err); ok {
		return s.status
	}
	return 0
}

// passing reports whether asking again may help.
func passing(err error) bool {
	switch statusOf(err) {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case 0:
		return !errors.Is(err, errElsewhere) && !errors.Is(err, errTooMuch) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && !noAnswer(err)
	}
	return false
}

// answerTime is how long one answer may take: Trino waits for a second with it, the rest is the way of a large page.
const answerTime = 2 * time.Minute

// ask sends a request and reads the page that answers it.
func (e *Engine) ask(req *http.Request) (*page, error) {
	ctx, cancel := context.WithTimeout(req.Context(), answerTime)
	defer cancel()
	res, err := e.client.Do(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		_, err := io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
		if s, ok := errors.AsType[*stranger](err); ok {
			return nil, s
		}
		return nil, badStatus(res.StatusCode)
	}
	var body bytes.Buffer
	if n := res.ContentLength; n > 0 && n <= maxResult {
		body.Grow(int(n) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(res.Body); err != nil {
		return nil, err
	}
	var p page
	if err := json.Unmarshal(body.Bytes(), &p); err != nil {
		return nil, err
	}
	if p.ID == "" {
		return nil, &stranger{status: res.StatusCode, content: "application/json"}
	}
	return &p, nil
}

// progress translates Trino's figures.
func (s *pageStats) progress() query.Progress {
	ms := func(n int64) time.Duration { return time.Duration(max(n, 0)) * time.Millisecond }
	p := query.Progress{
		State: query.Running, Waiting: ms(s.QueuedTime), Elapsed: ms(s.ElapsedTime), CPU: ms(s.CPUTime), Rows: s.ProcessedRows,
		Bytes: max(s.PhysicalBytes, s.ProcessedBytes), Memory: s.PeakMemory, Spilled: s.Spilled, SplitsAll: s.TotalSplits, SplitsEnd: s.CompletedSplits,
	}
	switch s.State {
	case "QUEUED", "WAITING_FOR_RESOURCES", "DISPATCHING":
		p.State = query.Queued
	case "PLANNING", "STARTING":
		p.State = query.Planning
	case "FINISHED":
		p.State = query.Finished
	}
	if percent, err := strconv.ParseFloat(string(s.Percent), 64); err == nil && !math.IsNaN(percent) {
		p.Percent = min(max(percent, 0), 100)
	}
	return p
}

// problem translates Trino's error: https://trino.io/docs/current/develop/client-protocol.html and its StandardErrorCode.
func (e *pageError) problem() *query.Problem {
	p := &query.Problem{Cause: query.Broken, Message: fault.Line(e.Message, 2000), Code: e.ErrorName}
	switch {
	case e.ErrorName == "PERMISSION_DENIED":
		p.Cause = query.Forbidden
	case strings.HasPrefix(e.ErrorName, "EXCEEDED_") || e.ErrorName == "QUERY_QUEUE_FULL":
		p.Cause = query.Limit
	case e.ErrorName == "USER_CANCELED" || e.ErrorName == "ADMINISTRATIVELY_KILLED" || e.ErrorName == "ADMINISTRATIVELY_PREEMPTED" || e.ErrorName == "ABANDONED_QUERY":
		p.Cause = query.Stopped
	case e.ErrorType == "USER_ERROR":
		p.Cause = query.Mistake
	case e.ErrorType == "INSUFFICIENT_RESOURCES":
		p.Cause = query.Limit
	}
	if l := e.Location; l != nil && l.Line > 0 && l.Column > 0 {
		p.Line, p.Column = l.Line, l.Column
		p.Message = strings.TrimPrefix(p.Message, fmt.Sprintf("line %d:%d: ", l.Line, l.Column))
	}
	return p
}

// countRows counts the items of a JSON array, which encoding/json has found to be JSON.
func countRows(data json.RawMessage) (n int, err error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "null" {
		return 0, nil
	}
	if data[0] != '[' {
		return 0, errors.New("the rows are no array")
	}
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth == 2 {
				n++
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return n, nil
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) }
