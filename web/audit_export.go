package web

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/fault"
)

const (
	auditBatch = 1000             // rows that are read at a time
	auditWrite = 30 * time.Second // a reader that takes longer over these is dropped
)

// postAuditExport answers with all rows of a filter as a file, newest first, up to the row that tells of the export itself. An
// answer that cannot be brought to its end is cut off, so that it is not taken for the whole.
func (s *Server) postAuditExport(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	filter, format := auditFilterOf(form), form.Get("format")
	if format != "csv" && format != "ndjson" {
		return fault.Invalidf("format", "the log is exported as csv or ndjson")
	}
	for _, problem := range filter.Problem {
		return fault.Invalidf("from", "%s", problem)
	}
	ctx, q := c.Request().Context(), filter.query()
	head, err := s.Access.AuditHead(ctx)
	if err != nil {
		return err
	}
	q.Before, q.Limit = head.Seq+1, auditBatch
	batch, err := s.Access.Entries(ctx, q)
	if err != nil {
		return err
	}
	detail := map[string]any{"format": format, "filter": filter.values(), "to_seq": head.Seq}
	if err := s.Access.RecordOnly(ctx, s.act(c, ""), access.Event{Action: "audit.export", Object: "audit log", Detail: detail}); err != nil {
		return err
	}
	write := s.beginExport(c, format)
	control := http.NewResponseController(c.Response())
	for err == nil && len(batch) > 0 {
		if err = control.SetWriteDeadline(time.Now().Add(auditWrite)); err == nil { //nolint:forbidigo // the connection's clock
			err = write(batch)
		}
		if err == nil {
			q.Before = batch[len(batch)-1].Seq
			batch, err = s.Access.Entries(ctx, q)
		}
	}
	if err != nil {
		s.Log.WarnContext(ctx, "export of the audit log was cut off", "request_id", requestOf(c).id, "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// beginExport begins a file and returns what adds rows to it.
func (s *Server) beginExport(c echo.Context, format string) func([]access.Entry) error {
	name := "audit-" + s.Now().UTC().Format(time.DateOnly) + "." + format
	if format == "csv" {
		w := csvDownload(c, name)
		_ = w.Write(auditColumns) // told by the first Flush
		return func(entries []access.Entry) error { return writeAuditCSV(w, entries) }
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "application/x-ndjson")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	c.Response().WriteHeader(http.StatusOK)
	lines := json.NewEncoder(c.Response())
	return func(entries []access.Entry) error {
		for i := range entries {
			if err := lines.Encode(showEntry(&entries[i])); err != nil {
				return err
			}
		}
		return nil
	}
}

var auditColumns = []string{
	"seq", "at", "person_id", "person", "via", "token_id", "request_id", "address", "action", "object", "reason", "detail", "key_id", "mac",
}

func writeAuditCSV(w *csv.Writer, entries []access.Entry) error {
	for i := range entries {
		e := showEntry(&entries[i])
		row := []string{
			strconv.FormatInt(e.Seq, 10), e.At.Format(time.RFC3339Nano), e.PersonID, e.Person, e.Via, e.TokenID, e.RequestID, e.Address,
			e.Action, e.Object, e.Reason, entries[i].Detail, e.KeyID, e.MAC,
		}
		if err := w.Write(guardFormulas(row)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
