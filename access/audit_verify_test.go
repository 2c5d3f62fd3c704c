package access_test

import (
	"strings"
	"testing"

	"portreeve/access"
	"portreeve/fault"
)

// wantVerdict verifies the log and wants rows good ones before the bad one, of which what is told.
func wantVerdict(t *testing.T, s *access.Store, rows, bad int64, what string) {
	t.Helper()
	got, err := s.Verify(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, &got, rows, bad, what)
}

func checkVerdict(t *testing.T, got *access.Verdict, rows, bad int64, what string) {
	t.Helper()
	if got.Rows != rows || got.Bad != bad || got.OK() != (what == "") || !strings.Contains(got.What, what) {
		t.Errorf("%d good rows, row %d %q; want %d good ones and row %d %q", got.Rows, got.Bad, got.What, rows, bad, what)
	}
}

func TestVerifyAnUntouchedLog(t *testing.T) {
	t.Parallel()
	s, _ := recorded(t, 0)
	wantVerdict(t, s, 0, 0, "")
	s, _ = recorded(t, 7)
	wantVerdict(t, s, 7, 0, "")
	head, err := s.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Verify(t.Context(), []access.Head{head})
	if err != nil || got.Head.String() != head.String() {
		t.Errorf("verified to %s, %v; want the head %s", got.Head, err, head)
	}
	checkVerdict(t, &got, 7, 0, "")
}

// tamperings are what someone with every right in the database, but without the key, may try on a log of seven rows. Swap
// moves whole rows; rename lets seq be changed by way of numbers that no row has.
var tamperings = []struct {
	name, sql string
	bad       int64
	what      string
}{
	{"change the time", `UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 4`, 4, "changed"},
	{"change the person's number", `UPDATE audit SET person_id = person_id + 1 WHERE seq = 4`, 4, "changed"},
	{"change the person", `UPDATE audit SET person = 'Eve' WHERE seq = 4`, 4, "changed"},
	{"change the way", `UPDATE audit SET via = 'page' WHERE seq = 4`, 4, "changed"},
	{"change the token", `UPDATE audit SET token_id = 0 WHERE seq = 4`, 4, "changed"},
	{"change the request", `UPDATE audit SET request_id = 'x' WHERE seq = 4`, 4, "changed"},
	{"change the address", `UPDATE audit SET address = 'x' WHERE seq = 4`, 4, "changed"},
	{"change the action", `UPDATE audit SET action = 'dataset.view' WHERE seq = 4`, 4, "changed"},
	{"change the object", `UPDATE audit SET object = 'x' WHERE seq = 4`, 4, "changed"},
	{"change the reason", `UPDATE audit SET reason = 'x' WHERE seq = 4`, 4, "changed"},
	{"change the detail", `UPDATE audit SET detail = replace(detail, '"n":3', '"n": 3') WHERE seq = 4`, 4, "changed"},
	{"change the key", `UPDATE audit SET key_id = 'x' WHERE seq = 4`, 4, "not given"},
	{"change the mac", `UPDATE audit SET mac = set_byte(mac, 31, 255 - get_byte(mac, 31)) WHERE seq = 4`, 4, "changed"},
	{"move text from one column to the next", `UPDATE audit SET action = 'dataset.', object = 'edit' || object WHERE seq = 4`, 4, "changed"},
	{"change the first", `UPDATE audit SET reason = 'x' WHERE seq = 1`, 1, "changed"},
	{"change the last", `UPDATE audit SET reason = 'x' WHERE seq = 7`, 7, "changed"},
	{"change two", `UPDATE audit SET reason = 'x' WHERE seq IN (3, 6)`, 3, "changed"},
	{"remove the first", `DELETE FROM audit WHERE seq = 1`, 1, "missing"},
	{"remove one between", `DELETE FROM audit WHERE seq = 4`, 4, "missing"},
	{"remove several", `DELETE FROM audit WHERE seq IN (4, 5)`, 4, "up to row 5"},
	{"remove the last", `DELETE FROM audit WHERE seq = 7`, 7, "ends at row 6 and its head says 7"},
	{"remove all", `DELETE FROM audit`, 1, "missing"},
	{"remove one and renumber", `DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = -seq WHERE seq > 4; UPDATE audit SET seq = -seq - 1 WHERE seq < 0; UPDATE audit_head SET seq = 6`, 4, "changed"},
	{"swap neighbours", `UPDATE audit SET seq = 99 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 99`, 3, "row 4 have changed places"},
	{"swap two far apart", `UPDATE audit SET seq = 99 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 6; UPDATE audit SET seq = 6 WHERE seq = 99`, 2, "row 6 have changed places"},
	{"swap all but the macs", `
		UPDATE audit a SET at = b.at, person_id = b.person_id, person = b.person, via = b.via, token_id = b.token_id, request_id = b.request_id,
			address = b.address, object = b.object, reason = b.reason, detail = b.detail
		FROM audit b WHERE a.seq IN (2, 5) AND b.seq = 7 - a.seq`, 2, "row 5 have changed places"},
	{"insert a copy between", `
		UPDATE audit SET seq = -seq WHERE seq > 4; UPDATE audit SET seq = 1 - seq WHERE seq < 0; UPDATE audit_head SET seq = 8;
		INSERT INTO audit SELECT 5, at, person_id, person, via, token_id, request_id, address, 'dataset.view', object, reason, detail, key_id, mac FROM audit WHERE seq = 4`, 5, "a row was inserted"},
	{"insert before the first", `INSERT INTO audit SELECT 0, at, person_id, person, via, token_id, request_id, address, action, object, reason, detail, key_id, mac FROM audit WHERE seq = 4`, 0, "inserted"},
	{"append", `INSERT INTO audit SELECT 8, at, person_id, person, via, token_id, request_id, address, action, object, reason, detail, key_id, mac FROM audit WHERE seq = 7`, 8, "changed"},
	{"append and move the head", `
		INSERT INTO audit SELECT 8, at, person_id, person, via, token_id, request_id, address, action, object, reason, detail, key_id, mac FROM audit WHERE seq = 7;
		UPDATE audit_head SET seq = 8`, 8, "changed"},
	{"move the head back", `UPDATE audit_head SET seq = 6, mac = (SELECT mac FROM audit WHERE seq = 6)`, 7, "behind the head"},
	{"move the head on", `UPDATE audit_head SET seq = 9`, 8, "missing"},
	{"change the head", `UPDATE audit_head SET mac = (SELECT mac FROM audit WHERE seq = 6)`, 7, "the head of the log names"},
	{"remove the head", `DELETE FROM audit_head`, 8, "head of the log is missing"},
}

func TestVerifyFindsTampering(t *testing.T) {
	t.Parallel()
	for _, tt := range tamperings {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, pool := recorded(t, 7)
			exec(t, pool, `ALTER TABLE audit DISABLE TRIGGER ALL; `+tt.sql)
			rows := max(tt.bad-1, 0)
			if tt.name == "change the head" || tt.name == "move the head back" {
				rows = 7 // each row for itself is as it was written
			}
			wantVerdict(t, s, rows, tt.bad, tt.what)
		})
	}
}

// Cutting the end off and moving the head back leaves a log that is whole in itself: only a head that was kept elsewhere
// tells.
func TestVerifyFindsACutEndByItsAnchor(t *testing.T) {
	t.Parallel()
	s, pool := recorded(t, 7)
	anchor, err := s.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	exec(t, pool, `
		ALTER TABLE audit DISABLE TRIGGER ALL; DELETE FROM audit WHERE seq > 5;
		UPDATE audit_head SET seq = 5, mac = (SELECT mac FROM audit WHERE seq = 5)`)
	wantVerdict(t, s, 5, 0, "")
	got, err := s.Verify(t.Context(), []access.Head{anchor})
	if err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, &got, 5, 6, "an anchor names row 7")

	for range 3 { // the place of what was cut off is taken by other rows
		if err := s.RecordOnly(t.Context(), byOperator, access.Event{Action: "test.write"}); err != nil {
			t.Fatal(err)
		}
	}
	wantVerdict(t, s, 8, 0, "")
	if got, err = s.Verify(t.Context(), []access.Head{anchor}); err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, &got, 6, 7, "the anchor names")
}

func TestVerifyRefusesAnchorsOfTwoLogs(t *testing.T) {
	t.Parallel()
	s, _ := recorded(t, 2)
	a, b := access.Head{Seq: 1, MAC: []byte("a")}, access.Head{Seq: 1, MAC: []byte("b")}
	_, err := s.Verify(t.Context(), []access.Head{a, b})
	wantKind(t, err, fault.Invalid)
	s.Audit = nil
	_, err = s.Verify(t.Context(), nil)
	wantKind(t, err, fault.Invalid)
}

// After a change of the key, rows of the former one are verified with that; it must not come back.
func TestVerifyWithSeveralKeys(t *testing.T) {
	t.Parallel()
	s, _ := recorded(t, 3)
	former, current := s.Audit, access.NewAudit(newKey(t))
	s.Audit = current
	record := func() {
		t.Helper()
		if err := s.RecordOnly(t.Context(), byOperator, access.Event{Action: "test.write"}); err != nil {
			t.Fatal(err)
		}
	}
	record()
	wantVerdict(t, s, 0, 1, "which was not given")
	got, err := s.Verify(t.Context(), nil, former)
	if err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, &got, 4, 0, "")
	s.Audit = former
	record()
	if got, err = s.Verify(t.Context(), nil, current); err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, &got, 4, 5, "another one had followed")
}

// Who has a former key alone cannot write the log anew from where that was in use: since the portal's start with the current
// one the log ends with that.
func TestVerifyWithAFormerKeyOnly(t *testing.T) {
	t.Parallel()
	s, pool := recorded(t, 4)
	former, current := s.Audit, access.NewAudit(newKey(t))
	s.Audit = current
	for range 2 { // the second start changes nothing
		if err := s.StartKey(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Verify(t.Context(), nil, former)
	if err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, &got, 5, 0, "")
	exec(t, pool, `
		ALTER TABLE audit DISABLE TRIGGER ALL; DELETE FROM audit WHERE seq > 1;
		UPDATE audit_head SET seq = 1, mac = (SELECT mac FROM audit WHERE seq = 1)`)
	s.Audit = former
	for range 4 {
		if err := s.RecordOnly(t.Context(), byOperator, access.Event{Action: "test.forged"}); err != nil {
			t.Fatal(err)
		}
	}
	s.Audit = current
	if got, err = s.Verify(t.Context(), nil, former); err != nil {
		t.Fatal(err)
	}
	checkVerdict(t, &got, 5, 6, "ends with a former key")
}
