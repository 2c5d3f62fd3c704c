package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portreeve/fault"
)

const (
	lockWait = time.Second            // how long a question waits for a lock
	nextWait = 100 * time.Millisecond // the same, once a lock is known to be held
	grace    = 5 * time.Second        // how much later than the server we give up
)

// read runs ask in a read-only transaction of its own that sees one state of the catalogs. It ends in bounded time, whatever
// the server does. Errors are faults, and those of the server can still be told apart by pgconn.PgError.
func (d *Database) read(ctx context.Context, wait time.Duration, ask func(context.Context, pgx.Tx) error) error {
	limited, cancel := context.WithTimeout(ctx, d.timeout+grace)
	defer cancel()
	// All settings end with the transaction: behind a pooler the session is not ours. With pg_temp last in the path, nothing
	// there can pass for a table or a function of the system's.
	begin := fmt.Sprintf(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
		SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL statement_timeout = %d; SET LOCAL lock_timeout = %d;
		SET LOCAL idle_in_transaction_session_timeout = %d; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0`,
		d.timeout.Milliseconds(), wait.Milliseconds(), d.timeout.Milliseconds())
	err := pgx.BeginTxFunc(limited, d.pool, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) error { return ask(limited, tx) })
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return d.explain(err)
}

// explain says what a person can do about an error of the driver or the server.
func (d *Database) explain(err error) error {
	if err == nil || fault.Message(err) != "" {
		return err
	}
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		return d.explainServer(server, err)
	}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, wrongName := errors.AsType[x509.HostnameError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return fault.Unavailablef(err, "%s does not offer TLS; if that is meant to be so, set sslmode to disable", d.place)
	case wrongName:
		return fault.Unavailablef(err, "the certificate of %s is for another name; use the name in it as host", d.place)
	case unknown:
		return fault.Unavailablef(err, "the certificate of %s is signed by an unknown authority; name that in ca_file", d.place)
	case untrusted:
		return fault.Unavailablef(err, "the certificate of %s is not valid", d.place)
	case pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded):
		return fault.Unavailablef(err, "%s does not answer in time", d.place)
	}
	return fault.Unavailablef(err, "%s does not answer, or has cut the connection", d.place)
}

// explainServer says the same of what the server itself reports.
func (d *Database) explainServer(e *pgconn.PgError, err error) error {
	switch e.Code {
	case "28P01", "28000":
		return &fault.Error{
			Kind: fault.Forbidden, Err: err,
			Msg: fmt.Sprintf("the user %s may not log in to %s: the password is wrong, or pg_hba.conf does not let this user in "+
				"from here or without TLS", d.pool.Config().ConnConfig.User, d.place),
		}
	case "42501":
		return &fault.Error{
			Kind: fault.Forbidden, Err: err,
			Msg: fmt.Sprintf("the user %s may not read %s: %s", d.pool.Config().ConnConfig.User, d.place, said(e)),
		}
	case "3D000":
		return &fault.Error{Kind: fault.NotFound, Err: err, Msg: "there is no such database: " + d.place}
	case "53300":
		return fault.Unavailablef(err, "%s has no connection left for the portal", d.place)
	case "57P01", "57P02", "57P03":
		return fault.Unavailablef(err, "%s is starting up or shutting down", d.place)
	case "55P03":
		return fault.Unavailablef(err, "it is locked by another transaction, such as an ALTER TABLE or a VACUUM FULL; "+
			"the next crawl tries again")
	case "57014":
		return fault.Unavailablef(err, "%s needs longer than statement_timeout for an answer", d.place)
	case "08P01", "42704":
		return fault.Unavailablef(err, "%s is not a PostgreSQL server of version 13 or later: %s", d.place, said(e))
	}
	return fault.Unavailablef(err, "%s cannot answer: %s", d.place, said(e))
}

// said is what the server says of an error, on one line.
func said(e *pgconn.PgError) string { return fault.Line(e.Message, 400) }

// server tells one database from all others, whatever its address.
type server struct {
	System   int64 // identifier that the cluster was made with; 0 when the role may not ask
	OID      int64 // of the database
	Database string
	Version  int // 150004 is 15.4
}

func identify(ctx context.Context, tx pgx.Tx) (server, error) {
	const q = `
		SELECT d.oid::int8, d.datname::text, current_setting('server_version_num')::int4,
			has_function_privilege('pg_control_system()', 'EXECUTE')
		FROM pg_database d WHERE d.datname = current_database()`
	var s server
	var may bool
	if err := tx.QueryRow(ctx, q).Scan(&s.OID, &s.Database, &s.Version, &may); err != nil {
		return s, err
	}
	if s.Version < 130000 {
		return s, fault.Unavailablef(nil, "the server is PostgreSQL %d; 13 or later is needed", s.Version/10000)
	}
	if !may {
		return s, nil
	}
	return s, tx.QueryRow(ctx, `SELECT system_identifier FROM pg_control_system()`).Scan(&s.System)
}

// nativeID returns an id that is unique among all servers and survives a rename.
func (s server) nativeID(oid int64) string { return fmt.Sprintf("%d/%d/%d", s.System, s.OID, oid) }

// eachOf has ask answer for all oids at once and, where the server cannot, for fewer and fewer of them: what is locked or
// damaged shall not take its neighbours along. It returns the errors by oid. ask may be called with an oid again.
// When too much fails, the rest is given up with the last error.
func (d *Database) eachOf(
	ctx context.Context, oids []int64, ask func(context.Context, pgx.Tx, []int64) error,
) (failed map[int64]error, _ error) {
	failed = map[int64]error{}
	wait, budget := lockWait, 100
	todo := [][]int64{oids}
	for len(todo) > 0 {
		part := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if len(part) == 0 {
			continue
		}
		err := d.read(ctx, wait, func(ctx context.Context, tx pgx.Tx) error { return ask(ctx, tx, part) })
		if err == nil {
			continue
		}
		cost := divisible(err)
		if cost == 0 {
			return failed, err
		}
		budget -= cost
		wait = nextWait
		if len(part) == 1 || budget < 0 {
			for _, oid := range part {
				failed[oid] = err
			}
			continue
		}
		half := len(part) / 2
		todo = append(todo, part[half:], part[:half])
	}
	return failed, nil
}

// divisible returns what one more try costs if fewer tables may succeed where these failed with err, 0 if nothing will.
func divisible(err error) int {
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok || e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC":
		return 0
	case e.Code == "57014": // a statement took too long
		return 20
	}
	for _, class := range []string{"22", "42", "55", "58", "XX"} { // bad data, missing or forbidden, locked, files, damage
		if strings.HasPrefix(e.Code, class) {
			return 1
		}
	}
	return 0
}
