package access

import (
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// AuditQuery says which rows of the audit log are asked for; what is empty does not count.
type AuditQuery struct {
	Person string    // the number of a person, or a part of the name that they had
	Action string    // how it begins, such as "token." or "token.create"
	Object string    // a part of it
	Text   string    // in the reason, the detail, the address or the request id
	From   time.Time // the first moment
	To     time.Time // the first moment after
	Before int64     // only rows before this one
	Limit  int       // at most 1,000; 0 is 50
}

// maxEntries is how many rows are answered at once.
const maxEntries = 1000

const entryColumns = `seq, at, person_id, person, via, token_id, request_id, address, action, object, reason, detail, key_id, mac`

// Entries returns rows of the audit log, newest first.
func (s *Store) Entries(ctx context.Context, q AuditQuery) ([]Entry, error) {
	const query = `
		SELECT ` + entryColumns + ` FROM audit
		WHERE (@before::bigint = 0 OR seq < @before)
			AND (@person = '' OR @person_id <> 0 AND person_id = @person_id OR @person_id = 0 AND person ILIKE @person)
			AND (@action = '' OR action LIKE @action) AND (@object = '' OR object ILIKE @object)
			AND (@text = '' OR reason ILIKE @text OR detail ILIKE @text OR address ILIKE @text OR request_id ILIKE @text)
			AND (@from::timestamptz IS NULL OR at >= @from) AND (@to::timestamptz IS NULL OR at < @to)
		ORDER BY seq DESC LIMIT @limit`
	if q.Limit <= 0 {
		q.Limit = 50
	}
	id, err := strconv.ParseInt(q.Person, 10, 64)
	if err != nil {
		id = 0
	}
	rows, _ := s.db.Query(ctx, query, pgx.NamedArgs{
		"before": q.Before, "person": like("%", q.Person), "person_id": id, "action": like("", q.Action),
		"object": like("%", q.Object), "text": like("%", q.Text), "from": unlessZero(q.From), "to": unlessZero(q.To),
		"limit": min(q.Limit, maxEntries),
	})
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByName[Entry])
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return entries, nil
}

// like returns a pattern for what stands between before and anything, or "" when there is no text.
func like(before, text string) string {
	if text == "" {
		return ""
	}
	return before + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Head is where the chain of the audit log ends, or ended once: its last row and that row's mac. The zero Head is that of an
// empty log.
type Head struct {
	Seq int64
	MAC []byte
}

// String writes a head as 12:a1b2….
func (h Head) String() string { return strconv.FormatInt(h.Seq, 10) + ":" + hex.EncodeToString(h.MAC) }

// ParseHead reads what String writes.
func ParseHead(text string) (Head, error) {
	number, mac, _ := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	sum, sumErr := hex.DecodeString(mac)
	if err != nil || sumErr != nil || seq < 1 || len(sum) != 32 {
		return Head{}, fault.Invalidf("anchor", "%.100q is no head of an audit log: it is a number, a colon and 64 hexadecimal digits", text)
	}
	return Head{seq, sum}, nil
}

// AuditHead returns the head of the audit log.
func (s *Store) AuditHead(ctx context.Context) (Head, error) {
	h, _, err := s.auditHead(ctx)
	return h, err
}

// auditHead also returns the number of the head that was told last.
func (s *Store) auditHead(ctx context.Context) (h Head, told int64, err error) {
	if err = s.db.QueryRow(ctx, `SELECT seq, mac, told FROM audit_head`).Scan(&h.Seq, &h.MAC, &told); err != nil {
		err = fmt.Errorf("head of the audit log: %w", err)
	}
	return h, told, err
}

// RecordOnly adds rows to the audit log for an act that changes nothing else.
func (s *Store) RecordOnly(ctx context.Context, act Act, events ...Event) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error { return s.Audit.Record(ctx, tx, act, events...) })
}
