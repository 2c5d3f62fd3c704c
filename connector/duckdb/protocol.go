package duckdb

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"portreeve/catalog"
)

// A worker gets one limits, then one job, then any number of tasks, and answers each but the first with a reply.
type (
	// limits are the resources of the process, set before the engine is opened.
	limits struct {
		AddressSpace uint64 // bytes, of which an idle engine reserves 1.7 GiB
		CPU          uint64 // seconds
		FileSize     uint64 // bytes
		Threads      uint64 // of the worker's user, which then is nobody else's; 0: not limited
	}

	// request holds one of its fields.
	request struct {
		Limits *limits `json:",omitempty"`
		Job    *job    `json:",omitempty"`
		Task   *task   `json:",omitempty"`
	}

	// job is all that a worker may touch. It is fixed before the first task.
	job struct {
		Views   []view
		Dir     string // the one writable folder: results and spill
		Memory  int64  // bytes the engine may use before it spills
		Spill   int64  // bytes of spill
		Threads int
		Ordered bool // rows keep the order of the files; exports are up to four times as fast without
		Foreign bool // people's SQL follows: refuse the job if the kernel cannot fence the worker
	}

	// view is a table as the tasks of a job see it.
	view struct {
		Schema     string
		Name       string
		Plan       catalog.Plan
		Every      int64             // with Take > 0: of each Every rows of a file only the first Take are read
		Take       int64             //
		Picks      []pick            // with any: of the files only these rows
		Positional bool              // the columns are called c0, c1 …, which no name can disturb
		Masks      map[string]string // SQL in place of a column, by the column's name
		Filter     string            // SQL: rows that are seen; "" for all
	}

	// pick is some rows of a file of a view.
	pick struct {
		File int     // of Plan.Files
		Rows []int64 // their numbers in the file, from 0
	}

	// task is one statement.
	task struct {
		SQL     string
		Foreign bool   // a person wrote it: the guard decides
		Parse   bool   // only say which tables it reads, whether there are such or not
		Prepare bool   // only find out whether it could run
		Out     string // name of a new file in the job's folder that gets the rows as Parquet; "": they come in the reply
		Limit   int    // rows in the reply
		Cut     int    // bytes of one value in the reply
		Bytes   int    // of all rows in the reply, as they are encoded
	}

	// reply answers a job or a task.
	reply struct {
		Columns  []column    `json:",omitempty"`
		Rows     [][]*string `json:",omitempty"`
		Cut      bool        `json:",omitempty"` // values or rows are missing because of task.Cut or task.Bytes
		Count    int64       `json:",omitempty"` // rows written to task.Out
		Tables   [][]string  `json:",omitempty"` // that a person's statement reads, as written
		Places   []int       `json:",omitempty"` // of these in the statement, in bytes; -1 is not known
		Unfenced string      `json:",omitempty"` // why the kernel does not fence the worker; "" when it does
		Refused  string      `json:",omitempty"` // why a person's statement was not run
		Failed   string      `json:",omitempty"` // why it did not end well, as the engine puts it
		Stage    string      `json:",omitempty"` // what failed: see the stage constants
	}

	column struct{ Name, Type string }
)

// The stages in which a worker fails: before it reads data, while it reads them, and because of what a person wrote.
const (
	stageFence = "fence"
	stageFiles = "files"
	stageSetUp = "set up"
	stageSQL   = "sql"
)

const (
	maxRequest = 64 * mib // a plan may list many files
	maxReply   = 8 * mib
	maxRows    = 4 * mib // bytes of the rows in a reply, which leaves room for its head
)

var errFrame = errors.New("message too long")

// send writes v as one message: its length in four bytes, then JSON.
func send(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(body) > maxRequest {
		return fmt.Errorf("%w: %d bytes", errFrame, len(body))
	}
	frame := make([]byte, 4, 4+len(body))
	binary.BigEndian.PutUint32(frame, uint32(len(body))) //nolint:gosec // bounded above
	_, err = w.Write(append(frame, body...))
	return err
}

// receive reads one message of at most limit bytes into v. Nothing is allocated for a length that is announced and does
// not come.
func receive(r io.Reader, limit int64, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if n > limit {
		return fmt.Errorf("%w: %d bytes", errFrame, n)
	}
	body, err := io.ReadAll(io.LimitReader(r, n))
	if err != nil {
		return err
	}
	if int64(len(body)) < n {
		return io.ErrUnexpectedEOF
	}
	return json.Unmarshal(body, v)
}
