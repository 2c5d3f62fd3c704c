package trino

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/query"
	"portreeve/query/querytest"
	"portreeve/test/stack"
)

func TestEngineConforms(t *testing.T) {
	t.Parallel()
	querytest.Run(t, func(t *testing.T) querytest.Target {
		t.Helper()
		e, err := NewEngine(catalog.Source{Config: map[string]string{"url": stack.Of(t).Trino, "user": "admin"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = e.Close() })
		return querytest.Target{
			Engine: e, People: [2]string{"alice", "bob"}, WhoAmI: "SELECT current_user", Kills: true,
			Numbers: "SELECT n FROM (SELECT row_number() OVER () AS n FROM tpch.sf1.orders) WHERE n <= %d",
			Endless: "SELECT count(*) FROM tpch.sf1000.lineitem WHERE comment LIKE '%never%'",
		}
	})
}

// script is a coordinator that answers what a test says: statuses and bodies by turn, for each path.
type script struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string][]string // "status body" by "METHOD /path"; the last is given again
	asked   []*http.Request
}

func newScript(t *testing.T, answers map[string][]string) (*script, *Engine) {
	t.Helper()
	s := &script{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, r.Clone(context.Background())) //nolint:usetesting // only looked at
		key := r.Method + " " + r.URL.Path
		list := s.answers[key]
		if len(list) == 0 {
			http.Error(w, "Query not found", http.StatusNotFound)
			return
		}
		if len(list) > 1 {
			s.answers[key] = list[1:]
		}
		var status int
		var body string
		_, _ = fmt.Sscanf(list[0], "%d", &status)
		_, body, _ = strings.Cut(list[0], " ")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	e, err := NewEngine(catalog.Source{Config: map[string]string{
		"url": s.URL, "user": "portal", "client_tags": "portreeve", "session_properties": "query_max_run_time=1h, 5m", "roles": "lake=reader",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s, e
}

// headersOf returns the headers of the requests to a path.
func (s *script) headersOf(key string) (all []http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.asked {
		if r.Method+" "+r.URL.Path == key {
			all = append(all, r.Header)
		}
	}
	return all
}

const begun = `200 {"id":"q1","nextUri":"http://another.example.com:1/v1/statement/q1/1?slug=x","stats":{"state":"QUEUED"}}`

// run starts a statement and reads it to its end.
func run(t *testing.T, e *Engine, s query.Statement) (rows int, last query.Update, err error) {
	t.Helper()
	x, err := e.Start(t.Context(), s)
	for err == nil {
		var u query.Update
		if u, err = x.Next(t.Context()); err == nil {
			rows, last = rows+u.Rows.Count, u
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return rows, last, err
}

// The person, tags and session go with the statement and with nothing else; the next page is asked of the host that the operator
// named, whatever an answer says; what a proxy did not answer is asked for again.
func TestEngineSpeaksTheProtocol(t *testing.T) {
	t.Parallel()
	s, e := newScript(t, map[string][]string{
		"POST /v1/statement": {begun},
		"GET /v1/statement/q1/1": {
			`503 busy`, `502 `, `429 `,
			`200 {"id":"q1","nextUri":"/v1/statement/q1/2","columns":[{"name":"a","type":"bigint"}],"data":[[1],[null]],` +
				`"stats":{"state":"RUNNING","progressPercentage":"NaN","physicalInputBytes":7,"totalSplits":4,"completedSplits":1},` +
				`"warnings":[{"warningCode":{"code":1,"name":"W"},"message":"mind"}]}`,
		},
		"GET /v1/statement/q1/2": {`200 {"id":"q1","columns":[{"name":"a","type":"bigint"}],"data":[["]["]],"stats":{"state":"FINISHED","progressPercentage":100}}`},
	})
	rows, last, err := run(t, e, query.Statement{SQL: "SELECT 1", Person: "ana", Catalog: "lake", Schema: "raw", Run: "r1", Tags: []string{"dataset:x"}})
	if err != nil || rows != 3 || last.Progress.State != query.Finished || last.Progress.Percent != 100 {
		t.Errorf("%d rows, %+v, %v", rows, last, err)
	}
	sent := s.headersOf("POST /v1/statement")[0]
	for name, want := range map[string]string{
		"X-Trino-User": "ana", "X-Trino-Catalog": "lake", "X-Trino-Schema": "raw", "X-Trino-Client-Tags": "portreeve,dataset:x", "X-Trino-Source": "portreeve",
		"X-Trino-Trace-Token": "r1", "X-Trino-Client-Info": `{"run":"r1"}`, "X-Trino-Session": "query_max_run_time=1h%2C+5m", "X-Trino-Role": "lake=ROLE{reader}",
		"X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME", "X-Trino-Time-Zone": "UTC",
	} {
		if got := sent.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := len(s.headersOf("GET /v1/statement/q1/1")); got != 4 {
		t.Errorf("the page was asked for %d times, want 4", got)
	}
	if _, _, err := run(t, e, query.Statement{SQL: "SELECT 1"}); err != nil {
		t.Fatal(err)
	}
	if again := s.headersOf("POST /v1/statement")[1]; again.Get("X-Trino-User") != "portal" || again.Get("X-Trino-Catalog") != "" || again.Get("X-Trino-Client-Tags") != "portreeve" {
		t.Errorf("something of the first statement is sent with the second: %v", again)
	}
	if _, err := e.Start(t.Context(), query.Statement{SQL: "SELECT 1", Person: "ana\r\nX-Trino-User: root"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a person with a line break: %v", err)
	}
}

func TestEngineFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		start, page string // answers
		kind        fault.Kind
		says        string
	}{
		"wrong password":        {`401 no`, "", fault.Forbidden, "does not accept the user"},
		"no impersonation":      {`403 no`, "", fault.Forbidden, "to ask for another person"},
		"full":                  {`429 no`, "", fault.Unavailable, "no room"},
		"a redirect":            {`307 no`, "", fault.Unavailable, "another address"},
		"no Trino":              {`200 <html>`, "", fault.Unavailable, "is no Trino"},
		"another JSON":          {`200 {"hello":1}`, "", fault.Unavailable, "is no Trino"},
		"a foreign path":        {`200 {"id":"q1","nextUri":"http://x/etc/passwd"}`, "", fault.Unavailable, "none of its own"},
		"forgotten":             {begun, `404 Query not found`, fault.NotFound, "knows the query q1 no more"},
		"gone":                  {begun, `410 gone`, fault.NotFound, "no more"},
		"cut off":               {begun, `200 {"id":"q1","data":[[1],`, fault.Unavailable, "is no Trino"},
		"rows that are none":    {begun, `200 {"id":"q1","data":{"a":1}}`, fault.Unavailable, "rows that cannot be read"},
		"a fault of its own":    {begun, `500 oops`, fault.Unavailable, "answers with an error"},
		"an address that turns": {begun, `200 {"id":"q1","nextUri":"ftp://x/v2"}`, fault.Unavailable, "none of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, e := newScript(t, map[string][]string{"POST /v1/statement": {tt.start}, "GET /v1/statement/q1/1": {tt.page}})
			_, _, err := run(t, e, query.Statement{SQL: "SELECT 1"})
			if fault.KindOf(err) != tt.kind || !strings.Contains(fault.Message(err), tt.says) {
				t.Errorf("%v: %v, want %v that says %q", fault.KindOf(err), err, tt.kind, tt.says)
			}
		})
	}
}

func TestEngineProblems(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]query.Cause{
		`"errorName":"SYNTAX_ERROR","errorType":"USER_ERROR"`:                            query.Mistake,
		`"errorName":"PERMISSION_DENIED","errorType":"USER_ERROR"`:                       query.Forbidden,
		`"errorName":"EXCEEDED_LOCAL_MEMORY_LIMIT","errorType":"INSUFFICIENT_RESOURCES"`: query.Limit,
		`"errorName":"QUERY_QUEUE_FULL","errorType":"INSUFFICIENT_RESOURCES"`:            query.Limit,
		`"errorName":"ADMINISTRATIVELY_KILLED","errorType":"USER_ERROR"`:                 query.Stopped,
		`"errorName":"HIVE_CANNOT_OPEN_SPLIT","errorType":"EXTERNAL"`:                    query.Broken,
		`"errorName":"GENERIC_INTERNAL_ERROR","errorType":"INTERNAL_ERROR"`:              query.Broken,
	} {
		_, e := newScript(t, map[string][]string{"POST /v1/statement": {begun}, "GET /v1/statement/q1/1": {
			`200 {"id":"q1","error":{"message":"line 3:7: what\nhappened",` + name + `,"errorLocation":{"lineNumber":3,"columnNumber":7}},"stats":{"state":"FAILED"}}`,
		}})
		_, _, err := run(t, e, query.Statement{SQL: "SELECT 1"})
		p, ok := errors.AsType[*query.Problem](err)
		if !ok || p.Cause != cause || p.Line != 3 || p.Column != 7 || p.Message != "what happened" {
			t.Errorf("%s: %#v", name, err)
		}
		if err := e.Check(t.Context(), query.Statement{SQL: "SELECT 1"}); err == nil || err.(*query.Problem).Line != 2 { //nolint:errorlint,forcetypeassert // as Check returns it
			t.Errorf("Check: %#v, want line 2", err)
		}
	}
}

// Whoever stops reading deletes the query, once.
func TestEngineCancels(t *testing.T) {
	t.Parallel()
	s, e := newScript(t, map[string][]string{
		"POST /v1/statement": {begun}, "DELETE /v1/statement/q1/1": {`503 busy`, `204 `}, "GET /v1/statement/q1/1": {`404 gone`},
	})
	x, err := e.Start(t.Context(), query.Statement{SQL: "SELECT 1", Person: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := x.Cancel(t.Context()); (err != nil) != (i == 0) {
			t.Errorf("Cancel number %d: %v", i+1, err)
		}
	}
	if sent := s.headersOf("DELETE /v1/statement/q1/1"); len(sent) != 2 || sent[0].Get("X-Trino-User") != "ana" {
		t.Errorf("deleted %d times: %v", len(sent), sent)
	}
	if _, err := x.Next(t.Context()); err != nil { // what Start had brought
		t.Fatal(err)
	}
	_, err = x.Next(t.Context())
	if p, ok := errors.AsType[*query.Problem](err); !ok || p.Cause != query.Stopped {
		t.Errorf("after Cancel: %v", err)
	}
}

func FuzzCountRows(f *testing.F) {
	for _, seed := range []string{`[[1],[2]]`, `[["]"],["\"["]]`, `[]`, `null`, `[[[1],[2]],[{"a":[1]}]]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var rows [][]json.RawMessage
		if json.Unmarshal([]byte(text), &rows) != nil || slices.ContainsFunc(rows, func(r []json.RawMessage) bool { return r == nil }) {
			return
		}
		if n, err := countRows([]byte(text)); err != nil || n != len(rows) {
			t.Errorf("%q has %d rows, counted %d, %v", text, len(rows), n, err)
		}
	})
}
