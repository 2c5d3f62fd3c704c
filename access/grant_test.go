package access_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
	"portreeve/fault"
	"portreeve/postgres/pgtest"
)

// office is a store with people around one restricted dataset, lake/pay, and what they were told.
type office struct {
	*access.Store
	t    *testing.T
	pool *pgxpool.Pool
	pay  access.Subject
	told []access.News
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, pool: pgtest.New(t)}
	o.Store = access.NewStore(o.pool)
	key, err := access.ParseKey(access.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	o.Audit = access.NewAudit(key)
	o.Told = func(_ context.Context, _ pgx.Tx, news []access.News) error {
		o.told = append(o.told, news...)
		return nil
	}
	exec(t, o.pool, `INSERT INTO source (slug, kind) VALUES ('lake', 'test')`)
	const q = `INSERT INTO dataset (source_id, name, scope, kind) SELECT id, 'pay', '', 'table' FROM source RETURNING id`
	if err := o.pool.QueryRow(t.Context(), q).Scan(&o.pay.ID); err != nil {
		t.Fatal(err)
	}
	o.pay.Restricted, o.pay.Team, o.pay.Domain = true, "hr", "people"
	return o
}

// who makes a person known by their name, in a team.
func (o *office) who(name, team string, role access.Role) access.Principal {
	o.t.Helper()
	p, err := o.EnsurePerson(o.t.Context(), access.Person{Issuer: "test", Subject: name, Name: name, Team: team, Role: role})
	if err != nil {
		o.t.Fatal(err)
	}
	who := access.Principal{Person: p}
	if team != "" {
		who.Teams = []string{team}
	}
	return who
}

func by(who access.Principal, reason string) access.Act {
	return access.Act{Who: who, Via: "test", Reason: reason}
}

var soon = 30 * 24 * time.Hour

// ask makes a request for lake/pay.
func (o *office) ask(who access.Principal, columns ...string) int64 {
	o.t.Helper()
	id, err := o.Ask(o.t.Context(), by(who, ""), o.pay, access.Ask{Purpose: "Head count per base", Until: time.Now().Add(soon), Columns: columns})
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

func (o *office) right(who access.Principal) access.Right {
	o.t.Helper()
	r, err := o.Right(o.t.Context(), who, o.pay)
	if err != nil {
		o.t.Fatal(err)
	}
	return r
}

// acts lists what the audit log has, oldest first.
func (o *office) acts() []string {
	o.t.Helper()
	rows, _ := o.pool.Query(o.t.Context(), `SELECT person || ' ' || action || ' ' || object || ' ' || reason FROM audit ORDER BY seq`)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		o.t.Fatal(err)
	}
	return all
}

// hears lists who was told what since the last call.
func (o *office) hears() []string {
	var all []string
	for _, n := range o.told {
		if n.Person == 0 {
			continue
		}
		var name string
		if err := o.pool.QueryRow(o.t.Context(), `SELECT name FROM person WHERE id = $1`, n.Person).Scan(&name); err != nil {
			o.t.Fatal(err)
		}
		title, _, _ := strings.Cut(n.Title, " until ")
		title, _, _ = strings.Cut(title, " on ")
		all = append(all, name+": "+title)
	}
	o.told = nil
	return all
}

func (o *office) want(what string, want, got []string) {
	o.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		o.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestRight(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	admin := o.who("Ida", "", access.Admin)
	grant := func(who access.Principal, columns, until string) {
		t.Helper()
		exec(t, o.pool, fmt.Sprintf(`INSERT INTO access_grant (dataset_id, person_id, granted_by, columns, until) VALUES (%d, %d, %d, %s, now() + interval '%s')`,
			o.pay.ID, who.ID, admin.ID, columns, until))
	}
	full, some, both, past, ended := o.who("Full", "", access.Analyst), o.who("Some", "", access.Viewer), o.who("Both", "", access.Analyst),
		o.who("Past", "", access.Analyst), o.who("Ended", "", access.Owner)
	grant(full, "NULL", "1 hour")
	grant(full, "'{base}'", "2 hours")
	grant(some, "'{base}'", "1 hour")
	grant(some, "'{role}'", "2 hours")
	grant(both, "'{base}'", "1 hour")
	grant(both, "NULL", "-1 second")
	grant(past, "NULL", "-1 second")
	grant(ended, "NULL", "1 hour")
	exec(t, o.pool, fmt.Sprintf(`UPDATE access_grant SET ended_at = now() WHERE person_id = %d`, ended.ID))
	tests := []struct {
		name    string
		who     access.Principal
		why     string
		columns []string
	}{
		{"one of the team, without a role that decides", o.who("Mate", "hr", access.Viewer), "own", nil},
		{"a steward of its domain", access.Principal{Person: o.who("Sten", "", access.Steward).Person, Domains: []string{"people"}}, "own", nil},
		{"an admin", admin, "own", nil},
		{"a steward of another domain", access.Principal{Person: o.who("Stig", "", access.Steward).Person, Domains: []string{"sales"}}, "", nil},
		{"an owner of something else", o.who("Otto", "sales", access.Owner), "", nil},
		{"a grant of everything beats one of a column", full, "grant", nil},
		{"grants of columns add up", some, "grant", []string{"role", "base"}},
		{"an expired grant of everything does not widen a live one", both, "grant", []string{"base"}},
		{"an expired grant", past, "", nil},
		{"a revoked grant", ended, "", nil},
		{"nobody", access.Principal{}, "", nil},
	}
	for _, tt := range tests {
		got := o.right(tt.who)
		if got.Allowed != (tt.why != "") || got.Why != tt.why || !slices.Equal(got.Columns, tt.columns) {
			t.Errorf("%s: got %+v, want %q of %v", tt.name, got, tt.why, tt.columns)
		}
	}
	if open, err := o.Right(t.Context(), past, access.Subject{ID: o.pay.ID}); err != nil || open.Why != "open" {
		t.Errorf("an open dataset: %+v, %v", open, err)
	}
	if r := o.right(some); r.Reads("pay") || !r.Reads("base") || time.Until(*r.Until) > time.Hour {
		t.Errorf("of two columns until the first ends: %+v", r)
	}
}

// The end date is kept to by time, before anybody notes that it has come.
func TestAccessFromAskingToItsEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ana, owen, ida := o.who("Ana", "planning", access.Analyst), o.who("Owen", "hr", access.Owner), o.who("Ida", "", access.Admin)
	o.who("Vera", "hr", access.Viewer)
	id := o.ask(ana, "base", "role")
	o.want("told of a request", []string{"Owen: Ana asks for access to lake/pay"}, o.hears())
	if o.right(ana).Allowed {
		t.Error("asking alone opened it")
	}
	_, err := o.Ask(t.Context(), by(ana, ""), o.pay, access.Ask{Purpose: "Once more, for good", Until: time.Now().Add(soon)})
	wantKind(t, err, fault.Conflict)
	if _, err := o.Approve(t.Context(), by(owen, "fine"), o.pay, id, access.Approval{Columns: []string{"base"}}); err != nil {
		t.Fatal(err)
	}
	o.want("told of an approval", []string{"Ana: You may read lake/pay"}, o.hears())
	if r := o.right(ana); !r.Reads("base") || r.Reads("role") {
		t.Errorf("after the approval of one column: %+v", r)
	}
	_, err = o.Approve(t.Context(), by(ida, ""), o.pay, id, access.Approval{})
	wantKind(t, err, fault.Conflict)
	if msg := fault.Message(err); !strings.HasPrefix(msg, "Owen has approved this request on ") {
		t.Errorf("a second approval is told %q", msg)
	}
	wantKind(t, o.Deny(t.Context(), by(ida, "no"), o.pay, id), fault.Conflict)
	wantKind(t, o.Withdraw(t.Context(), by(ana, ""), id), fault.Conflict)
	exec(t, o.pool, `UPDATE access_grant SET until = now()`)
	if o.right(ana).Allowed {
		t.Error("it is open after its end")
	}
	if err := o.EndGrants(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := o.EndGrants(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.want("told of the end", []string{"Ana: Your access to lake/pay has ended"}, o.hears())
	o.want("audited", []string{
		"Ana access.request dataset lake/pay ", "Owen access.approve dataset lake/pay fine", "the portal access.expire dataset lake/pay ",
	}, o.acts())
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ana, owen, otto := o.who("Ana", "planning", access.Analyst), o.who("Owen", "hr", access.Owner), o.who("Otto", "sales", access.Owner)
	granted := func() int64 {
		t.Helper()
		grant, err := o.Approve(t.Context(), by(owen, ""), o.pay, o.ask(ana), access.Approval{})
		if err != nil {
			t.Fatal(err)
		}
		o.told = nil
		return grant
	}
	grant := granted()
	wantKind(t, o.Revoke(t.Context(), by(otto, "mine now"), o.pay, grant), fault.NotFound)
	wantKind(t, o.Revoke(t.Context(), by(owen, ""), o.pay, grant), fault.Invalid)
	if !o.right(ana).Allowed {
		t.Fatal("a refused try ended the access")
	}
	if err := o.Revoke(t.Context(), by(owen, "the project is over"), o.pay, grant); err != nil {
		t.Fatal(err)
	}
	if o.right(ana).Allowed {
		t.Error("it is open after it was revoked")
	}
	o.want("told of it", []string{"Ana: Owen ended your access to lake/pay"}, o.hears())
	err := o.Revoke(t.Context(), by(owen, "again"), o.pay, grant)
	wantKind(t, err, fault.Conflict)
	if msg := fault.Message(err); !strings.HasPrefix(msg, "Owen ended this access on ") {
		t.Errorf("a second try is told %q", msg)
	}
	if err := o.Revoke(t.Context(), by(ana, ""), o.pay, granted()); err != nil {
		t.Error("the holder cannot give it back:", err)
	}
	if o.right(ana).Allowed || len(o.told) > 0 {
		t.Errorf("given back: %+v, told %v", o.right(ana), o.told)
	}
}
