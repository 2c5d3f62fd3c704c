package access_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"portreeve/access"
	"portreeve/fault"
)

func TestAskRefuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ana := o.who("Ana", "planning", access.Analyst)
	day := 24 * time.Hour
	tests := []struct {
		name  string
		a     access.Ask
		after time.Duration
		kind  fault.Kind
		field string
	}{
		{"a purpose that says nothing", access.Ask{Purpose: "  reports "}, day, fault.Invalid, "purpose"},
		{"a purpose too long", access.Ask{Purpose: strings.Repeat("é", access.TextMax+1)}, day, fault.Invalid, "purpose"},
		{"a purpose that nobody sees", access.Ask{Purpose: strings.Repeat("\u200B", 20)}, day, fault.Invalid, "purpose"},
		{"a purpose that reads backwards", access.Ask{Purpose: "Head count \u202Eesab rep"}, day, fault.Invalid, "purpose"},
		{"a purpose that is no text", access.Ask{Purpose: "ten letters\x00"}, day, fault.Invalid, "purpose"},
		{"an end that has passed", access.Ask{}, -time.Second, fault.Invalid, "until"},
		{"an end too far", access.Ask{}, access.GrantMax + time.Minute, fault.Invalid, "until"},
		{"no column", access.Ask{Columns: []string{}}, day, fault.Invalid, "columns"},
		{"a column without a name", access.Ask{Columns: []string{""}}, day, fault.Invalid, "columns"},
		{"the extension of what one does not hold", access.Ask{Extends: 99}, day, fault.NotFound, ""},
	}
	for _, tt := range tests {
		if tt.a.Purpose == "" {
			tt.a.Purpose = "Head count per base"
		}
		tt.a.Until = time.Now().Add(tt.after)
		_, err := o.Ask(t.Context(), by(ana, ""), o.pay, tt.a)
		wantField(t, tt.name, err, tt.kind, tt.field)
	}
	a := access.Ask{Purpose: "Head count per base", Until: time.Now().Add(day)}
	_, err := o.Ask(t.Context(), by(ana, ""), access.Subject{ID: o.pay.ID}, a)
	wantField(t, "open data", err, fault.Conflict, "")
	_, err = o.Ask(t.Context(), by(o.who("Mate", "hr", access.Viewer), ""), o.pay, a)
	wantField(t, "own data", err, fault.Conflict, "")
	if acts := o.acts(); len(acts) > 0 {
		t.Errorf("what was refused is in the audit log: %v", acts)
	}
}

func wantField(t *testing.T, name string, err error, kind fault.Kind, field string) {
	t.Helper()
	f := failure(err)
	if fault.KindOf(err) != kind || err == nil || f != field {
		t.Errorf("%s: got %v of kind %v at %q, want %v at %q", name, err, fault.KindOf(err), f, kind, field)
	}
}

func TestApproveRefuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ana, owen := o.who("Ana", "planning", access.Analyst), o.who("Owen", "hr", access.Owner)
	mate, otto := o.who("Mate", "hr", access.Analyst), o.who("Otto", "sales", access.Owner)
	id := o.ask(ana, "base", "role")
	risen := ana
	risen.Role = access.Admin
	tests := []struct {
		name  string
		who   access.Principal
		id    int64
		a     access.Approval
		kind  fault.Kind
		field string
	}{
		{"who asked, even as an admin", risen, id, access.Approval{}, fault.Forbidden, ""},
		{"who is in the team and no owner", mate, id, access.Approval{}, fault.NotFound, ""},
		{"who owns something else", otto, id, access.Approval{}, fault.NotFound, ""},
		{"a request that is not there", owen, id + 1, access.Approval{}, fault.NotFound, ""},
		{"a later end than was asked for", owen, id, access.Approval{Until: time.Now().Add(soon + time.Hour)}, fault.Invalid, "until"},
		{"an end that has passed", owen, id, access.Approval{Until: time.Now().Add(-time.Second)}, fault.Invalid, "until"},
		{"a column that was not asked for", owen, id, access.Approval{Columns: []string{"base", "pay"}}, fault.Invalid, "columns"},
		{"no column", owen, id, access.Approval{Columns: []string{}}, fault.Invalid, "columns"},
	}
	for _, tt := range tests {
		_, err := o.Approve(t.Context(), by(tt.who, ""), o.pay, tt.id, tt.a)
		wantField(t, tt.name, err, tt.kind, tt.field)
	}
	wantField(t, "a denial without a reason", o.Deny(t.Context(), by(owen, ""), o.pay, id), fault.Invalid, "reason")
	wantField(t, "another's request taken back", o.Withdraw(t.Context(), by(otto, ""), id), fault.NotFound, "")
	if r, err := o.Request(t.Context(), id); err != nil || r.State != access.Pending {
		t.Errorf("after all that: %+v, %v", r, err)
	}
	if err := o.Deny(t.Context(), by(owen, "use the summary"), o.pay, id); err != nil {
		t.Fatal(err)
	}
	if r, err := o.Request(t.Context(), id); err != nil || r.State != access.Denied || r.DecidedBy != "Owen" || r.Reason != "use the summary" {
		t.Errorf("denied: %+v, %v", r, err)
	}
	if o.right(ana).Allowed {
		t.Error("a denied request opened it")
	}
	if again := o.ask(ana); again == id {
		t.Error("a second request is the first one")
	}
}

// Without the audit log there is no act.
func TestNoAuditNoGrant(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ana, owen := o.who("Ana", "planning", access.Analyst), o.who("Owen", "hr", access.Owner)
	id := o.ask(ana)
	o.Audit = nil
	if _, err := o.Approve(t.Context(), by(owen, ""), o.pay, id, access.Approval{}); err == nil {
		t.Error("it was approved without a record")
	}
	if r, err := o.Request(t.Context(), id); err != nil || r.State != access.Pending || o.right(ana).Allowed {
		t.Errorf("half of it was done: %+v, %v", r, err)
	}
}

func TestExtend(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ana, owen := o.who("Ana", "planning", access.Analyst), o.who("Owen", "hr", access.Owner)
	old, err := o.Approve(t.Context(), by(owen, ""), o.pay, o.ask(ana), access.Approval{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.Ask(t.Context(), by(ana, ""), o.pay, access.Ask{Purpose: "Until the audit is over", Until: time.Now().Add(2 * soon)})
	wantField(t, "who can read all of it already", err, fault.Conflict, "")
	_, err = o.Ask(t.Context(), by(ana, ""), o.pay, access.Ask{Purpose: "Until the audit is over", Until: time.Now().Add(soon / 2), Extends: old})
	wantField(t, "an extension that ends before what it extends", err, fault.Invalid, "until")
	id, err := o.Ask(t.Context(), by(ana, ""), o.pay, access.Ask{Purpose: "Until the audit is over", Until: time.Now().Add(2 * soon), Extends: old})
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.Approve(t.Context(), by(owen, ""), o.pay, id, access.Approval{Until: time.Now().Add(soon / 2)})
	wantField(t, "an approval that takes time away", err, fault.Invalid, "until")
	renewed, err := o.Approve(t.Context(), by(owen, ""), o.pay, id, access.Approval{})
	if err != nil {
		t.Fatal(err)
	}
	if r := o.right(ana); r.GrantID != renewed || time.Until(*r.Until) < soon+time.Hour {
		t.Errorf("extended: %+v", r)
	}
	if g, err := o.Grant(t.Context(), old); err != nil || g.Live || g.EndedAt == nil {
		t.Errorf("the old grant: %+v, %v", g, err)
	}
}

// Who is denied more time keeps what they have, and is told so.
func TestDeniedExtension(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ana, owen := o.who("Ana", "planning", access.Analyst), o.who("Owen", "hr", access.Owner)
	first := o.ask(ana)
	old, err := o.Approve(t.Context(), by(owen, ""), o.pay, first, access.Approval{})
	if err != nil {
		t.Fatal(err)
	}
	o.told = nil
	id, err := o.Ask(t.Context(), by(ana, ""), o.pay, access.Ask{Purpose: "Until the audit is over", Until: time.Now().Add(2 * soon), Extends: old})
	if err != nil {
		t.Fatal(err)
	}
	o.want("told of the wish", []string{"Owen: Ana asks for more time with lake/pay"}, o.hears())
	if r, err := o.PendingRequest(t.Context(), ana.ID, o.pay.ID); err != nil || r.ID != id || r.HeldUntil == nil {
		t.Errorf("pending: %+v, %v", r, err)
	}
	if err := o.Deny(t.Context(), by(owen, "The audit is over"), o.pay, id); err != nil {
		t.Fatal(err)
	}
	if n := o.told[len(o.told)-1]; n.Person != ana.ID || !strings.HasPrefix(n.Title, "Owen denied you more time with lake/pay: you may read it until ") || !n.Settles {
		t.Errorf("told %+v", n)
	}
	_, err = o.PendingRequest(t.Context(), ana.ID, o.pay.ID)
	wantKind(t, err, fault.NotFound)
	if r, err := o.Request(t.Context(), first); err != nil || r.GrantEnd != nil {
		t.Errorf("what was granted before: %+v, %v", r, err)
	}
	if err := o.Revoke(t.Context(), by(owen, "The project is over"), o.pay, old); err != nil {
		t.Fatal(err)
	}
	if r, err := o.Request(t.Context(), first); err != nil || r.GrantEnd == nil || r.GrantReason != "The project is over" {
		t.Errorf("the request of what was revoked: %+v, %v", r, err)
	}
}

func TestApprovers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ana, olga := o.who("Ana", "", access.Analyst), o.who("Olga", "", access.Owner)
	ida := o.who("Ida", "", access.Admin)
	sten := o.who("Sten", "", access.Steward)
	names := func(who access.Principal) []string {
		t.Helper()
		people, err := o.Approvers(t.Context(), o.pay, who.ID)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, p := range people {
			all = append(all, p.Name+" "+string(p.Tie))
		}
		return all
	}
	o.who("Vera", "hr", access.Viewer)
	o.want("a team in which nobody decides", []string{"Ida admin"}, names(ana))
	o.want("nobody decides on their own", nil, names(ida))
	exec(t, o.pool, `INSERT INTO domain (slug, name) VALUES ('people', 'People')`)
	exec(t, o.pool, `INSERT INTO domain_steward (domain_id, person_id, by_rule) SELECT d.id, p.id, false FROM domain d, person p WHERE p.name IN ('Sten', 'Vera')`)
	o.pay.Owners = []int64{olga.ID, ana.ID}
	o.want("owners and stewards whose role is enough", []string{"Olga owner", "Sten steward"}, names(ana))
	exec(t, o.pool, `UPDATE person SET disabled_at = now() WHERE name = 'Sten'`)
	o.want("not who has left", []string{"Olga owner"}, names(sten))
}

func TestReminders(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ana, owen := o.who("Ana", "planning", access.Analyst), o.who("Owen", "hr", access.Owner)
	remind := func() []string {
		t.Helper()
		o.told = nil
		overdue, err := o.OverdueRequests(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range overdue {
			if err := o.RemindApprovers(t.Context(), r, o.pay); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.RemindHolders(t.Context()); err != nil {
			t.Fatal(err)
		}
		return o.hears()
	}
	id := o.ask(ana)
	o.want("at once", nil, remind())
	exec(t, o.pool, `UPDATE access_request SET created_at = now() - interval '49 hours'`)
	o.want("after two days", []string{"Owen: Ana still waits for access to lake/pay"}, remind())
	o.want("once", nil, remind())
	if _, err := o.Approve(t.Context(), by(owen, ""), o.pay, id, access.Approval{}); err != nil {
		t.Fatal(err)
	}
	o.want("long before the end", nil, remind())
	exec(t, o.pool, `UPDATE access_grant SET until = now() + interval '6 days', created_at = now() - interval '24 days'`)
	o.want("in the last week", []string{"Ana: Your access to lake/pay ends"}, remind())
	o.want("once", nil, remind())
}

// A request that nobody answers before its end is settled by time.
func TestRequestExpires(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ana, owen := o.who("Ana", "planning", access.Analyst), o.who("Owen", "hr", access.Owner)
	id := o.ask(ana)
	exec(t, o.pool, `UPDATE access_request SET until = now()`)
	if _, err := o.Approve(t.Context(), by(owen, ""), o.pay, id, access.Approval{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("approved after its end: %v", err)
	}
	if err := o.EndGrants(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := o.Request(t.Context(), id)
	if err != nil || r.State != access.Expired {
		t.Errorf("request %+v, %v", r, err)
	}
	wantKind(t, o.Deny(t.Context(), by(owen, "too late"), o.pay, id), fault.Conflict)
}

// failure is the field that an error points at.
func failure(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Field
	}
	return ""
}
