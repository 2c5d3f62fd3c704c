package access

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Verdict is what Verify has found.
type Verdict struct {
	Rows int64     // that are as they were written, from the first on
	Head Head      // the last of these
	At   time.Time // when that one was written; zero for an empty log

	Bad  int64  // the first row that is not, if What is not empty
	What string // is wrong with it, as the rest of a sentence without a full stop; empty: nothing
}

// OK reports whether nothing is wrong.
func (v *Verdict) OK() bool { return v.What == "" }

// verifier walks along the chain.
type verifier struct {
	keys    []*Audit
	anchors map[int64][]byte // macs by seq
	left    map[string]bool  // keys that another one has followed
	last    Entry
	Verdict
}

// Verify reads the whole audit log as it is at one moment and returns the first row that is not what was written, if any. old
// are the keys of former times, needed as long as rows are signed with them. anchors are heads that were kept elsewhere: they
// show what the log alone cannot, that its end was cut off.
func (s *Store) Verify(ctx context.Context, anchors []Head, old ...*Audit) (Verdict, error) {
	if s.Audit == nil {
		return Verdict{}, fault.Invalidf("key", "the audit log can be verified with its key only")
	}
	v := &verifier{keys: append([]*Audit{s.Audit}, old...), anchors: map[int64][]byte{}, left: map[string]bool{}}
	for _, a := range anchors {
		if mac, known := v.anchors[a.Seq]; known && !bytes.Equal(mac, a.MAC) {
			return Verdict{}, fault.Invalidf("anchor", "the anchors name two rows %d: they are not of one log", a.Seq)
		}
		v.anchors[a.Seq] = a.MAC
	}
	err := pgx.BeginTxFunc(ctx, s.db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
			return err
		}
		return v.walk(ctx, tx)
	})
	if err != nil {
		return Verdict{}, fmt.Errorf("verify the audit log: %w", err)
	}
	return v.Verdict, nil
}

// walk reads every row, then the head.
func (v *verifier) walk(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `SELECT `+entryColumns+` FROM audit ORDER BY seq`)
	var e Entry
	_, err := pgx.ForEachRow(rows, e.fields(), func() error {
		if v.What = v.row(&e); v.What != "" {
			v.Bad = min(e.Seq, v.Rows+1)
			return errBad
		}
		v.last = e
		v.Rows, v.Head, v.At = v.Rows+1, Head{e.Seq, e.MAC}, e.At
		return nil
	})
	switch {
	case errors.Is(err, errBad) && v.Bad == e.Seq:
		return v.explain(ctx, tx, &e)
	case errors.Is(err, errBad):
		return nil
	case err != nil:
		return err
	}
	return v.end(ctx, tx)
}

var errBad = errors.New("a row is not what was written")

// fields are where a row is read to, in the order of entryColumns.
func (e *Entry) fields() []any {
	return []any{
		&e.Seq, &e.At, &e.PersonID, &e.Person, &e.Via, &e.TokenID, &e.RequestID, &e.Address, &e.Action, &e.Object, &e.Reason, &e.Detail,
		&e.KeyID, &e.MAC,
	}
}

// row says what is wrong with the row that follows the last one, or "".
func (v *verifier) row(e *Entry) string {
	want := v.Rows + 1
	switch {
	case e.Seq < want:
		return "has a number that no row of the log ever had: it was inserted"
	case e.Seq == want+1:
		return "is missing"
	case e.Seq > want:
		return fmt.Sprintf("is missing, as are all up to row %d", e.Seq-1)
	}
	i := slices.IndexFunc(v.keys, func(a *Audit) bool { return a.id == e.KeyID })
	switch {
	case i < 0:
		return fmt.Sprintf("says that it is signed with the key %.40q, which was not given", e.KeyID)
	case v.left[e.KeyID]:
		return "is signed with a key that another one had followed already"
	case !hmac.Equal(v.keys[i].sign(v.last.MAC, e), e.MAC):
		return wasChanged
	}
	if v.last.KeyID != e.KeyID && v.last.KeyID != "" {
		v.left[v.last.KeyID] = true
	}
	if mac, known := v.anchors[e.Seq]; known && !bytes.Equal(mac, e.MAC) {
		return "is not the one that the anchor names: the log was written anew by someone who has the key"
	}
	return ""
}

const wasChanged = "is not what was written there: it was changed, or what stood before it was removed and the rows renumbered"

// searched is how many rows after a bad one are looked at for the one that should stand there.
const searched = 100_000

// explain finds out whether the row that was written in place of bad stands elsewhere.
func (v *verifier) explain(ctx context.Context, tx pgx.Tx, bad *Entry) error {
	if v.What != wasChanged {
		return nil
	}
	wrong, found := *bad, int64(0)
	previous, before := wrong.MAC, []byte(nil)
	rows, _ := tx.Query(ctx, `SELECT `+entryColumns+` FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2`, bad.Seq, searched)
	var e Entry
	_, err := pgx.ForEachRow(rows, e.fields(), func() error {
		if mac := v.signedAs(&e, v.last.MAC, bad.Seq); mac != nil && (hmac.Equal(mac, e.MAC) || hmac.Equal(mac, wrong.MAC)) {
			if found, before = e.Seq, previous; e.Seq == bad.Seq+1 {
				before = mac
			}
			return errBad
		}
		previous = e.MAC
		return nil
	})
	if errors.Is(err, errBad) {
		v.What = fmt.Sprintf("is not what was written there, which stands at row %d: a row was inserted", found)
		if mac := v.signedAs(&wrong, before, found); mac != nil && (hmac.Equal(mac, wrong.MAC) || hmac.Equal(mac, e.MAC)) {
			v.What = fmt.Sprintf("and row %d have changed places", found)
		}
		return nil
	}
	return err
}

// signedAs returns the mac that a row would have at seq after one with the mac before, or nil when its key is not known.
func (v *verifier) signedAs(e *Entry, before []byte, seq int64) []byte {
	i := slices.IndexFunc(v.keys, func(a *Audit) bool { return a.id == e.KeyID })
	if i < 0 {
		return nil
	}
	there := *e
	there.Seq = seq
	return v.keys[i].sign(before, &there)
}

// end compares the last row with the head and with the anchors behind it.
func (v *verifier) end(ctx context.Context, tx pgx.Tx) error {
	var head Head
	err := tx.QueryRow(ctx, `SELECT seq, mac FROM audit_head`).Scan(&head.Seq, &head.MAC)
	furthest := int64(0)
	for seq := range v.anchors {
		furthest = max(furthest, seq)
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		v.Bad, v.What = v.Rows+1, fmt.Sprintf("cannot be told to be there or not, since the head of the log is missing; it ends at row %d", v.Rows)
	case err != nil:
		return err
	case furthest > v.Rows:
		v.Bad, v.What = v.Rows+1, fmt.Sprintf("is missing: the log ends at row %d and an anchor names row %d, so its end was cut off", v.Rows, furthest)
	case head.Seq > v.Rows:
		v.Bad, v.What = v.Rows+1, fmt.Sprintf("is missing: the log ends at row %d and its head says %d", v.Rows, head.Seq)
	case head.Seq < v.Rows:
		v.Bad, v.What = head.Seq+1, fmt.Sprintf("stands behind the head of the log, which is row %d", head.Seq)
	case !bytes.Equal(head.MAC, v.Head.MAC):
		v.Bad, v.What = v.Rows, "is not the one that the head of the log names"
	case v.last.KeyID != "" && v.last.KeyID != v.keys[0].id:
		v.Bad, v.What = v.Rows+1, "is missing: the log ends with a former key, and the portal has written with another one since its start"
	}
	return nil
}
