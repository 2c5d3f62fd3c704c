package job

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/riverqueue/river"

	"portreeve/access"
)

// TellAuditHead tells where the audit log ends to whoever keeps it out of reach of the database: the portal's own log, and a
// file if there is one. Only against such a head can it be seen that the end of the audit log was cut off.
type TellAuditHead struct{}

// Kind names the job.
func (TellAuditHead) Kind() string { return "tell_audit_head" }

// InsertOpts keeps one waiting at most.
func (TellAuditHead) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type tellAuditHead struct {
	river.WorkerDefaults[TellAuditHead]
	options *Options
}

// Work tells the head if it is a new one. A file that cannot be written is tried again a minute later.
func (w *tellAuditHead) Work(ctx context.Context, _ *river.Job[TellAuditHead]) error {
	return w.options.Access.TellHead(ctx, func(h access.Head) error {
		if w.options.Access.Anchors != "" {
			if err := appendLine(w.options.Access.Anchors, w.options.Now().UTC().Format(time.RFC3339)+" "+h.String()); err != nil {
				return err
			}
		}
		w.options.Log.InfoContext(ctx, "audit head", "seq", h.Seq, "head", h.String())
		return nil
	})
}

// appendLine adds a line to the file at path and waits until it is on the disk.
func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the operator's own file
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}
