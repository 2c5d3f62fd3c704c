package query

import (
	"context"
	"encoding/json"
	"time"
)

// Engine runs statements of people on one system. It may be used by many at the same time, who share nothing by it.
type Engine interface {
	// Start hands a statement to the engine and returns as soon as that has taken it; ctx bounds no more than the handing over. What
	// runs must be read to its end or cancelled: until then it holds a place and memory in the engine. A statement that is
	// refused at once is a *Problem; an engine that cannot be reached is fault.Unavailable.
	Start(ctx context.Context, s Statement) (Execution, error)
	// Attach goes on with an execution that another process began, by its Handle. One that the engine has given up in the meantime
	// is fault.NotFound at its first Next.
	Attach(handle string) (Execution, error)
	// Check finds out whether a statement could run, without running it: nil, or a *Problem with its place.
	Check(ctx context.Context, s Statement) error
	// Kill ends the execution of this id, whoever began it, and tells its owner the reason.
	Kill(ctx context.Context, id, reason string) error
	// Close frees what the engine holds here. It ends no execution.
	Close() error
}

// Statement is one statement, and for whom and what for it runs.
type Statement struct {
	SQL      string
	Catalog  string // where names without one are looked up; "" is the engine's choice, likewise Schema
	Schema   string
	Person   string // as the engine knows people: whose rights it applies
	TimeZone string // IANA name, "" is UTC
	Run      string // the run that it is of, for the engine's own records; likewise Tags
	Tags     []string
}

// Execution is a statement that an engine carries out. It is for one goroutine, Cancel excepted.
type Execution interface {
	// ID is what the engine calls it.
	ID() string
	// Handle is what Attach needs to go on from where this has come to. It may be worth as much as the result: keep it like that.
	Handle() string
	// Next waits for news, for about a second at most where there are none, and returns them. After the last rows it returns
	// io.EOF. A *Problem ends the execution; any other error may be one of the way there, so that Next can be called again.
	Next(ctx context.Context) (Update, error)
	// Cancel ends it as soon as the engine hears of it. What has come stays. Calling it again, or after the end, does nothing.
	Cancel(ctx context.Context) error
}

// State is how far an execution is.
type State string

// The states. Every execution ends as finished, by a Problem, or cancelled.
const (
	Queued   State = "queued"
	Planning State = "planning"
	Running  State = "running"
	Finished State = "finished"
)

// Column is one of a result.
type Column struct {
	Name string
	Type string // as the engine writes it, such as decimal(9,2)
}

// Update is what became of an execution since the last one.
type Update struct {
	Columns  []Column // once they are known; nil before
	Rows     Rows
	Progress Progress
	Warnings []Warning // all that there are so far
	// Done is what a statement without rows did, such as INSERT, and to how many rows; "" for others.
	Done  string
	Count *int64
}

// Rows are a JSON array of rows, each an array of values in the order of the columns. They are as the engine sent them: a number
// may have more digits than JavaScript keeps, so whoever reads it reads json.Number.
type Rows struct {
	JSON  json.RawMessage // nil: none
	Count int
}

// Progress is how far an execution is. What an engine does not tell is 0.
type Progress struct {
	State     State
	Percent   float64 // of the work that is known, 0 to 100; it may fall when more gets known
	Position  int     // in the queue, from 1
	Waiting   time.Duration
	Elapsed   time.Duration
	CPU       time.Duration
	Rows      int64 // read from sources; likewise Bytes
	Bytes     int64
	Memory    int64 // bytes at most so far
	Spilled   int64 // bytes
	SplitsAll int   // pieces of work; likewise those that are done
	SplitsEnd int
}

// Warning is what an engine has to say of a statement that runs all the same.
type Warning struct {
	Code    string
	Message string
}

// Cause is whose matter a problem is.
type Cause string

// The causes.
const (
	Mistake   Cause = "mistake"   // the statement is wrong
	Forbidden Cause = "forbidden" // the person may not
	Limit     Cause = "limit"     // it took more than it may
	Stopped   Cause = "stopped"   // somebody ended it
	Broken    Cause = "broken"    // the engine, or a source of it, failed
)

// Problem is why a statement does not run or did not get to its end, in the engine's words.
type Problem struct {
	Cause   Cause
	Message string // for a person
	Code    string // the engine's name of it, such as COLUMN_NOT_FOUND
	Line    int    // of the statement, from 1, with the column counted in characters; 0: not known
	Column  int
}

// Error returns the message.
func (p *Problem) Error() string { return p.Message }
