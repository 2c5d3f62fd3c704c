package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Audit writes the audit log: a row for every act, in the act's own transaction, so that there is neither an act without a
// row nor a row without an act. The rows are a chain: the mac of each is HMAC-SHA-256 over the mac before it and the row, by a
// key that is not in the database. Who changes, removes, swaps or adds rows without the key is found out by Verify; that the
// newest ones were cut off shows against a head that was exported.
type Audit struct {
	key []byte
	id  string
}

// NewAudit returns an Audit that signs with a key derived from k.
func NewAudit(k Key) *Audit {
	key := k.derive("audit")
	return &Audit{key: key, id: keyID(key)}
}

// Event is what was done, and to what.
type Event struct {
	Action string         // thing.verb, such as dataset.edit, session.start, grant.revoke
	Object string         // the kind of thing and its name, such as "dataset lake/raw.flights"
	Detail map[string]any // what else a reader must know, before and after among it; never a secret
}

// Entry is a row of the audit log.
type Entry struct {
	Seq       int64
	At        time.Time
	PersonID  int64
	Person    string
	Via       string
	TokenID   int64
	RequestID string
	Address   string
	Action    string
	Object    string
	Reason    string
	Detail    string // JSON
	KeyID     string
	MAC       []byte
}

// Record adds an act to the log in the act's transaction. It waits for any other transaction that has recorded something and
// not ended yet, so it stands last in one.
func (a *Audit) Record(ctx context.Context, tx pgx.Tx, act Act, events ...Event) error {
	if a == nil {
		return errors.New("nothing can be recorded: there is no key of the audit log")
	}
	const head = `SELECT seq, mac, clock_timestamp() FROM audit_head FOR NO KEY UPDATE`
	const insert = `
		INSERT INTO audit (seq, at, person_id, person, via, token_id, request_id, address, action, object, reason, detail, key_id, mac)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
	var seq int64
	var mac []byte
	var at time.Time
	if err := tx.QueryRow(ctx, head).Scan(&seq, &mac, &at); err != nil {
		return fmt.Errorf("head of the audit log: %w", err)
	}
	var batch pgx.Batch
	for _, e := range events {
		detail, err := json.Marshal(e.Detail)
		if err != nil {
			return fmt.Errorf("audit %s: %w", e.Action, err)
		}
		if e.Detail == nil {
			detail = []byte("{}")
		}
		seq++
		row := Entry{
			Seq: seq, At: at.UTC().Truncate(time.Microsecond), PersonID: act.Who.ID, Person: kept(act.Who.Name), Via: kept(act.Via),
			TokenID: act.Who.TokenID, RequestID: kept(act.RequestID), Address: kept(act.Address), Action: kept(e.Action), Object: kept(e.Object), Reason: kept(act.Reason),
			Detail: kept(string(detail)), KeyID: a.id,
		}
		mac = a.sign(mac, &row)
		batch.Queue(insert, row.Seq, row.At, row.PersonID, row.Person, row.Via, row.TokenID, row.RequestID, row.Address, row.Action,
			row.Object, row.Reason, row.Detail, row.KeyID, mac)
	}
	batch.Queue(`UPDATE audit_head SET seq = $1, mac = $2`, seq, mac)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// kept is a text as Postgres can keep it: the mac is of what can be read back.
func kept(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// sign returns the mac of a row that follows one with the mac before.
func (a *Audit) sign(before []byte, e *Entry) []byte {
	mac := hmac.New(sha256.New, a.key)
	var n [8]byte
	put := func(b []byte) {
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		mac.Write(n[:])
		mac.Write(b)
	}
	number := func(v int64) {
		binary.BigEndian.PutUint64(n[:], uint64(v)) //nolint:gosec // its bits
		mac.Write(n[:])
	}
	put(before)
	number(e.Seq)
	number(e.At.UnixMicro())
	number(e.PersonID)
	number(e.TokenID)
	for _, text := range []string{e.Person, e.Via, e.RequestID, e.Address, e.Action, e.Object, e.Reason, e.Detail, e.KeyID} {
		put([]byte(text))
	}
	return mac.Sum(nil)
}
