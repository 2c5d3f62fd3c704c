package access_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
	"portreeve/fault"
)

// recorded returns a store whose audit log has n rows, by two people, two minutes apart as far as their time tells.
func recorded(t *testing.T, n int) (*access.Store, *pgxpool.Pool) {
	t.Helper()
	s, ana, pool := open(t)
	for i := range n {
		act := access.Act{Who: access.Principal{Person: ana}, Via: "page", RequestID: fmt.Sprint("r", i+1), Address: "192.0.2.1", Reason: "50 % \\_ done"}
		if i%2 == 1 {
			act = access.Act{Who: access.Principal{Person: access.Person{ID: 77, Name: "Owen Park"}, TokenID: 5}, Via: "api"}
		}
		event := access.Event{Action: "dataset.edit", Object: fmt.Sprint("dataset lake/t", i+1), Detail: map[string]any{"after": "née ✈ <b>", "n": i}}
		if err := s.RecordOnly(t.Context(), act, event); err != nil {
			t.Fatal(err)
		}
	}
	return s, pool
}

func TestRecord(t *testing.T) {
	t.Parallel()
	s, _ := recorded(t, 2)
	got, err := s.Entries(t.Context(), access.AuditQuery{})
	if err != nil || len(got) != 2 {
		t.Fatalf("%d entries, %v; want 2", len(got), err)
	}
	if time.Since(got[0].At) > time.Minute || got[0].At.Before(got[1].At) {
		t.Errorf("rows of now say %v and %v", got[0].At, got[1].At)
	}
	for i := range got {
		got[i].At, got[i].KeyID, got[i].MAC = time.Time{}, "", nil
	}
	want := []access.Entry{
		{Seq: 2, PersonID: 77, Person: "Owen Park", Via: "api", TokenID: 5, Action: "dataset.edit", Object: "dataset lake/t2", Detail: `{"after":"née ✈ \u003cb\u003e","n":1}`},
		{
			Seq: 1, PersonID: 1, Person: "Ana", Via: "page", RequestID: "r1", Address: "192.0.2.1", Action: "dataset.edit", Object: "dataset lake/t1",
			Reason: "50 % \\_ done", Detail: `{"after":"née ✈ \u003cb\u003e","n":0}`,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// What cannot be text in Postgres is recorded as what can, and verifies.
func TestRecordKeepsAnyText(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	odd := "a\x00b\xff"
	act := access.Act{Who: access.Principal{Person: access.Person{Name: odd}}, Via: odd, RequestID: odd, Address: odd, Reason: odd}
	if err := s.RecordOnly(t.Context(), act, access.Event{Action: odd, Object: odd, Detail: map[string]any{odd: odd}}); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, s, 1, 0, "")
}

func TestEntriesFilters(t *testing.T) {
	t.Parallel()
	s, _ := recorded(t, 5)
	if err := s.RecordOnly(t.Context(), byOperator, access.Event{Action: "other.act"}); err != nil { // by nobody with a number
		t.Fatal(err)
	}
	hour := time.Hour
	tests := []struct {
		name string
		q    access.AuditQuery
		want []int64
	}{
		{"everything, newest first", access.AuditQuery{}, []int64{6, 5, 4, 3, 2, 1}},
		{"a part of a name, in any case", access.AuditQuery{Person: "park"}, []int64{4, 2}},
		{"a name that nobody has", access.AuditQuery{Person: "Nemo"}, nil},
		{"the number of a person", access.AuditQuery{Person: "77"}, []int64{4, 2}},
		{"the beginning of an action", access.AuditQuery{Action: "dataset.", Limit: 2}, []int64{5, 4}},
		{"an action is no part of another", access.AuditQuery{Action: "edit"}, nil},
		{"a part of an object", access.AuditQuery{Object: "lake/t3"}, []int64{3}},
		{"a text in the reason, taken as it is", access.AuditQuery{Text: `% \_`}, []int64{5, 3, 1}},
		{"a text that only a pattern would match", access.AuditQuery{Text: "50_%"}, nil},
		{"a text in the detail", access.AuditQuery{Text: `"n":3`}, []int64{4}},
		{"before a row", access.AuditQuery{Before: 3}, []int64{2, 1}},
		{"since an hour ago", access.AuditQuery{From: time.Now().Add(-hour), Limit: 1}, []int64{6}},
		{"until an hour ago", access.AuditQuery{To: time.Now().Add(-hour)}, nil},
		{"both at once", access.AuditQuery{Person: "ana", Object: "t4"}, nil},
	}
	for _, tt := range tests {
		got, err := s.Entries(t.Context(), tt.q)
		var seqs []int64
		for _, e := range got {
			seqs = append(seqs, e.Seq)
		}
		if diff := cmp.Diff(tt.want, seqs); diff != "" || err != nil {
			t.Errorf("%s: %v, rows (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

// No audit row, no act: when the log cannot be written, the token is not there.
func TestActThatCannotBeRecordedIsNotDone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(*testing.T, *access.Store, *pgxpool.Pool)
	}{
		{"the log refuses the row", func(t *testing.T, _ *access.Store, pool *pgxpool.Pool) {
			t.Helper()
			exec(t, pool, `ALTER TABLE audit ADD CONSTRAINT full_disk CHECK (action <> 'token.create')`)
		}},
		{"the head is gone", func(t *testing.T, _ *access.Store, pool *pgxpool.Pool) {
			t.Helper()
			exec(t, pool, `DELETE FROM audit_head`)
		}},
		{"there is no key", func(_ *testing.T, s *access.Store, _ *pgxpool.Pool) { s.Audit = nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, ana, pool := open(t)
			tt.spoil(t, s, pool)
			_, _, err := s.CreateToken(t.Context(), byOperator, ana.ID, "ci", []string{access.ScopeRead}, time.Hour)
			if err == nil {
				t.Error("the token was made")
			}
			if tokens, err := s.Tokens(t.Context(), ana.ID); err != nil || len(tokens) != 0 {
				t.Errorf("Tokens = %+v, %v; want none", tokens, err)
			}
		})
	}
}

// An act that fails leaves no row.
func TestActThatIsNotDoneIsNotRecorded(t *testing.T) {
	t.Parallel()
	s, ana, _ := open(t)
	_, _, err := s.CreateToken(t.Context(), byOperator, ana.ID, "ci", []string{access.ScopeAdmin}, time.Hour)
	wantKind(t, err, fault.Invalid)
	wantKind(t, s.RevokeToken(t.Context(), byOperator, ana.ID, 1), fault.NotFound)
	wantKind(t, s.DisablePerson(t.Context(), byOperator, ana.ID+1), fault.NotFound)
	if h, err := s.AuditHead(t.Context()); err != nil || h.Seq != 0 {
		t.Errorf("head %v, %v; want that of an empty log", h, err)
	}
}

// Rows of writers at the same time stand one behind the other.
func TestRecordByManyAtOnce(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	done := make(chan error)
	for w := range 4 {
		go func() {
			var err error
			for i := 0; i < 10 && err == nil; i++ {
				err = s.RecordOnly(context.WithoutCancel(t.Context()), byOperator, access.Event{Action: "test.write", Object: strconv.Itoa(w)}, access.Event{Action: "test.write"})
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	wantVerdict(t, s, 80, 0, "")
}

func TestAuditIsAppendOnly(t *testing.T) {
	t.Parallel()
	_, pool := recorded(t, 1)
	for _, sql := range []string{`UPDATE audit SET reason = ''`, `DELETE FROM audit`, `TRUNCATE audit`} {
		if _, err := pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v; want a refusal", sql, err)
		}
	}
}

func TestTellHead(t *testing.T) {
	t.Parallel()
	s, pool := recorded(t, 2)
	var told []string
	tell := func(h access.Head) error {
		told = append(told, h.String())
		return nil
	}
	if err := s.TellHead(t.Context(), func(access.Head) error { return context.Canceled }); err == nil {
		t.Error("a head that could not be told is no error")
	}
	for range 2 {
		if err := s.TellHead(t.Context(), tell); err != nil {
			t.Fatal(err)
		}
	}
	h, err := s.AuditHead(t.Context())
	if diff := cmp.Diff([]string{h.String()}, told); diff != "" || err != nil || h.Seq != 2 {
		t.Errorf("%v, told (-want +got), once:\n%s", err, diff)
	}
	exec(t, pool, `UPDATE audit_head SET seq = 1`)
	if err := s.TellHead(t.Context(), tell); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("a log that became shorter: %v", err)
	}
}

// The database can be made to forget which head was told: this process, and the file of heads, do not.
func TestTellHeadAfterTheDatabaseForgot(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"in memory", "in a file"} {
		s, pool := recorded(t, 6)
		path := filepath.Join(t.TempDir(), "anchors")
		if how == "in a file" {
			s.Anchors = path
		}
		tell := func(h access.Head) error {
			return os.WriteFile(path, []byte("2026-11-21T16:00:00Z "+h.String()+"\n"), 0o600)
		}
		if err := s.TellHead(t.Context(), tell); err != nil {
			t.Fatal(err)
		}
		exec(t, pool, `ALTER TABLE audit DISABLE TRIGGER ALL; DELETE FROM audit WHERE seq > 3;
			UPDATE audit_head SET seq = 3, told = 3, mac = (SELECT mac FROM audit WHERE seq = 3)`)
		if how == "in a file" {
			other := access.NewStore(pool) // another process
			other.Audit, other.Anchors = s.Audit, path
			s = other
			if got, err := s.VerifyAnchored(t.Context()); err != nil || got.OK() {
				t.Errorf("%s: the whole log is %+v, %v; want it cut off", how, got, err)
			}
		}
		if err := s.TellHead(t.Context(), tell); err == nil || !strings.Contains(err.Error(), "its row 6 was there before") {
			t.Errorf("%s: %v; want the end to be missed", how, err)
		}
	}
}

func TestParseHead(t *testing.T) {
	t.Parallel()
	want := access.Head{Seq: 12, MAC: []byte(strings.Repeat("a", 32))}
	if got, err := access.ParseHead(want.String()); err != nil || !cmp.Equal(got, want) {
		t.Errorf("ParseHead(%s) = %v, %v", want, got, err)
	}
	for _, text := range []string{"", "12", "12:", ":ab", "0:" + strings.Repeat("ab", 32), "1:" + strings.Repeat("ab", 31), "1:" + strings.Repeat("xy", 32)} {
		_, err := access.ParseHead(text)
		wantKind(t, err, fault.Invalid)
	}
}
