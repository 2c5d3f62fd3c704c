package duckdb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"portreeve/fault"
	"portreeve/query"
)

// Lake runs people's statements over tables of the embedded lake, each in a worker of its own. It implements query.Engine. What runs
// is known to this process only: a portal that ends takes it along.
type Lake struct {
	engine  *Engine
	resolve Resolve

	mu      sync.Mutex
	running map[string]*execution
}

// Resolve returns the tables of these names as the person of a statement may see them: for each name a View, or nil where there is
// no such table or it is not theirs to read, which nobody is told apart. Names are as the statement writes them, schema and table,
// without regard to case.
type Resolve func(ctx context.Context, s query.Statement, names [][]string) ([]*View, error)

// NewLake returns an engine that runs statements in workers of e.
func NewLake(e *Engine, resolve Resolve) *Lake {
	return &Lake{engine: e, resolve: resolve, running: map[string]*execution{}}
}

// Close ends what runs.
func (l *Lake) Close() error {
	l.mu.Lock()
	all := l.running
	l.running = map[string]*execution{}
	l.mu.Unlock()
	for _, x := range all {
		x.stop("the portal ends")
	}
	return nil
}

// Start looks at the statement and starts it.
func (l *Lake) Start(ctx context.Context, s query.Statement) (query.Execution, error) {
	views, err := l.look(ctx, s)
	if err != nil {
		return nil, err
	}
	x := &execution{lake: l, id: rand.Text(), updates: make(chan query.Update), done: make(chan struct{}), state: query.Queued}
	x.within, x.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	l.mu.Lock()
	l.running[x.id] = x
	l.mu.Unlock()
	go x.run(s, views)
	return x, nil
}

// Attach goes on with what runs here.
func (l *Lake) Attach(handle string) (query.Execution, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x, ok := l.running[handle]
	if !ok {
		return nil, fault.NotFoundf("nothing of this name runs here: it ended, or the portal was started anew")
	}
	return x, nil
}

// Check looks at the statement and lets the engine prepare it over the tables that it reads.
func (l *Lake) Check(ctx context.Context, s query.Statement) error {
	views, err := l.look(ctx, s)
	if err != nil {
		return err
	}
	err = l.engine.run(ctx, l.engine.o.SampleTimeout, jobOf(views), func(ctx context.Context, w session) error {
		_, err := w.do(ctx, request{Task: &task{SQL: s.SQL, Foreign: true, Prepare: true}})
		return err
	})
	return problem(s.SQL, err)
}

// Kill ends what runs here.
func (l *Lake) Kill(_ context.Context, id, reason string) error {
	l.mu.Lock()
	x, ok := l.running[id]
	l.mu.Unlock()
	if !ok {
		return fault.NotFoundf("nothing of this name runs here")
	}
	x.stop(reason)
	return nil
}

func jobOf(views []*View) job {
	j := job{Ordered: true, Foreign: true}
	for _, v := range views {
		w := newView(v.Plan)
		w.Masks, w.Filter = v.Masks, v.Filter
		j.Views = append(j.Views, w)
	}
	return j
}

// look parses a statement and returns the tables that it reads, each once. An error is a *query.Problem, or of the engine.
func (l *Lake) look(ctx context.Context, s query.Statement) ([]*View, error) {
	switch {
	case strings.TrimSpace(s.SQL) == "":
		return nil, &query.Problem{Cause: query.Mistake, Message: "there is no statement", Code: "EMPTY_STATEMENT"}
	case len(s.SQL) > mib:
		return nil, &query.Problem{Cause: query.Limit, Message: "a statement may have 1 MiB", Code: "STATEMENT_TOO_LARGE"}
	}
	var r reply
	err := l.engine.run(ctx, l.engine.o.SampleTimeout, job{}, func(ctx context.Context, w session) (err error) {
		r, err = w.do(ctx, request{Task: &task{SQL: s.SQL, Parse: true}})
		return err
	})
	if err != nil {
		return nil, problem(s.SQL, err)
	}
	found, err := l.resolve(ctx, s, r.Tables)
	if err != nil {
		return nil, err
	}
	var views []*View
	for i, name := range r.Tables {
		if i >= len(found) || found[i] == nil {
			p := &query.Problem{Cause: query.Mistake, Message: "there is no table " + strings.Join(name, ".") + ", or it is not yours to read", Code: "TABLE_NOT_FOUND"}
			if i < len(r.Places) && r.Places[i] >= 0 {
				p.Line, p.Column = placeOf(s.SQL, r.Places[i])
			}
			return nil, p
		}
		if !slices.ContainsFunc(views, func(v *View) bool { return v.Plan.Key == found[i].Plan.Key }) {
			views = append(views, found[i])
		}
	}
	return views, nil
}

// placeOf returns the line and the column, in characters, of a byte of a text.
func placeOf(text string, at int) (line, column int) {
	before := text[:min(max(at, 0), len(text))]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

var (
	enginePlace  = regexp.MustCompile(`(?s)\n\nLINE (\d+): ([^\n]*)\n( *)\^`)
	parserPlace  = regexp.MustCompile(` (\d+)$`)
	engineKind   = regexp.MustCompile(`^([A-Z][A-Za-z-]*(?: [A-Z][A-Za-z-]*)*) Error: `)
	outOfMemory  = "Out of Memory"
	excerptMarks = "..."
)

// problem makes of an error of the engine what the author of a statement can do about it: a *query.Problem, where it is theirs.
func problem(text string, err error) error {
	if err == nil {
		return nil
	}
	f, failed := errors.AsType[*failure](err)
	late, slow := errors.AsType[*fault.Error](err)
	switch {
	case failed && f.refused != "":
		p := &query.Problem{Cause: query.Mistake, Message: f.refused, Code: "REFUSED"}
		if m := parserPlace.FindStringSubmatch(f.refused); m != nil {
			at, _ := strconv.Atoi(m[1])
			p.Message, p.Code = strings.TrimSuffix(f.refused, m[0]), "PARSER_ERROR"
			p.Line, p.Column = placeOf(text, at)
		}
		return p
	case failed && f.stage == stageSQL:
		return complaint(text, f.failed)
	case slow && strings.Contains(late.Msg, "took longer than"):
		return &query.Problem{Cause: query.Limit, Message: "it " + late.Msg, Code: "TIME_LIMIT"}
	case errors.Is(err, errStopped):
		return &query.Problem{Cause: query.Broken, Message: "the engine stopped: the statement may need more than a worker has", Code: "ENGINE_STOPPED"}
	}
	return err
}

// complaint reads what the engine says of a statement.
func complaint(text, said string) *query.Problem {
	p := &query.Problem{Cause: query.Mistake, Code: "ENGINE_ERROR"}
	if m := enginePlace.FindStringSubmatch(said); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Column = columnOf(text, p.Line, m[2], len(m[3])-len(fmt.Sprintf("LINE %d: ", p.Line)))
		said, _, _ = strings.Cut(said, m[0])
	}
	if m := engineKind.FindStringSubmatch(said); m != nil {
		p.Code = strings.ToUpper(strings.ReplaceAll(m[1], " ", "_")) + "_ERROR"
		said = strings.TrimPrefix(said, m[0])
	}
	if strings.Contains(p.Code, strings.ToUpper(strings.ReplaceAll(outOfMemory, " ", "_"))) {
		p.Cause = query.Limit
	}
	p.Message = fault.Line(said, 2000)
	return p
}

// columnOf returns where in a line of the text the engine's caret stands, which it draws below an excerpt of a long line; 0 if that is
// not found.
func columnOf(text string, line int, excerpt string, caret int) int {
	lines := strings.Split(text, "\n")
	if line > len(lines) || caret < 0 {
		return 0
	}
	own := lines[line-1]
	if cut, ok := strings.CutPrefix(excerpt, excerptMarks); ok {
		at := strings.Index(own, strings.TrimSuffix(cut, excerptMarks))
		if at < 0 {
			return 0
		}
		return 1 + utf8.RuneCountInString(own[:at]) + caret - len(excerptMarks)
	}
	return 1 + caret
}
