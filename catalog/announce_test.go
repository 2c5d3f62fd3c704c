package catalog_test

import (
	"testing"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

func TestAnnounce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"), owned("u", "a"))
	id, err := d.Announce(t.Context(), d.owner, lake("t"), catalog.Announcement{Text: " Late today ", Tone: "warn"})
	if err != nil {
		t.Fatal(err)
	}
	up, err := d.AnnouncementsFor(t.Context(), d.viewer.Who, 10)
	if err != nil || len(up) != 1 || up[0].Text != "Late today" || up[0].Key() != lake("t") || up[0].Person != "Owen" {
		t.Fatalf("announced %+v, %v", up, err)
	}
	for name, want := range map[string]int{"t": 1, "u": 0} {
		w, _ := d.whole(t, name)
		if got, err := d.Announcements(t.Context(), &w); err != nil || len(got) != want {
			t.Errorf("%s shows %d, %v; want %d", name, len(got), err, want)
		}
	}
	if _, err := d.EndAnnouncement(t.Context(), d.other, id); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("another team ends it: %v", err)
	}
	if key, err := d.EndAnnouncement(t.Context(), d.steward, id); err != nil || key != lake("t") {
		t.Errorf("its steward ends it: %v, %v", key, err)
	}
	if _, err := d.EndAnnouncement(t.Context(), d.steward, id); fault.KindOf(err) != fault.NotFound {
		t.Errorf("it ends twice: %v", err)
	}
	var acts string
	const told = `SELECT string_agg(action || ' ' || object || ' ' || person, '; ' ORDER BY seq) FROM audit WHERE action LIKE 'dataset.%'`
	if err := d.db.QueryRow(t.Context(), told).Scan(&acts); err != nil {
		t.Fatal(err)
	}
	if want := "dataset.announce dataset lake/t Owen; dataset.end_announcement dataset lake/t Stella"; acts != want {
		t.Errorf("the audit log tells %q, want %q", acts, want)
	}
}

func TestAnnounceRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	past := time.Now().Add(-time.Minute)
	for name, a := range map[string]catalog.Announcement{
		"text": {Tone: "info"}, "tone": {Text: "x", Tone: "loud"}, "until": {Text: "x", Tone: "info", EndsAt: &past},
	} {
		if _, err := d.Announce(t.Context(), d.owner, lake("t"), a); fault.KindOf(err) != fault.Invalid {
			t.Errorf("a wrong %s: %v", name, err)
		}
	}
	good := catalog.Announcement{Text: "x", Tone: "info"}
	if _, err := d.Announce(t.Context(), d.other, lake("t"), good); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("another team's: %v", err)
	}
	if _, err := d.Announce(t.Context(), d.owner, lake("missing"), good); fault.KindOf(err) != fault.NotFound {
		t.Errorf("on nothing: %v", err)
	}
	d.Audit = nil
	if _, err := d.Announce(t.Context(), d.owner, lake("t"), good); err == nil {
		t.Error("announced without an audit log")
	}
	if up, err := d.AnnouncementsFor(t.Context(), d.viewer.Who, 10); err != nil || len(up) != 0 {
		t.Errorf("%d are up, %v", len(up), err)
	}
}

func TestAnnouncementsForThoseItConcerns(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	if _, err := d.Announce(t.Context(), d.owner, lake("t"), catalog.Announcement{Text: "Late today", Tone: "warn"}); err != nil {
		t.Fatal(err)
	}
	id, who := d.dataset(t, "t").ID, d.other.Who
	ties := []struct{ name, tie, untie string }{
		{"opened lately", `INSERT INTO dataset_open (dataset_id, person_id) VALUES ($1, $2)`, `DELETE FROM dataset_open WHERE dataset_id = $1 AND person_id = $2`},
		{
			"watches it", `INSERT INTO watch (dataset_id, person_id, kind, target) VALUES ($1, $2, 'dataset', 'lake/t')`,
			`DELETE FROM watch WHERE dataset_id = $1 AND person_id = $2`,
		},
		{
			"watches its team", `INSERT INTO watch (person_id, kind, target) SELECT $2, 'team', team FROM dataset WHERE id = $1`,
			`DELETE FROM watch WHERE person_id = $2 AND $1 > 0`,
		},
		{
			"has a grant", `INSERT INTO access_grant (dataset_id, person_id, granted_by, until) VALUES ($1, $2, $2, now() + interval '1 hour')`,
			`UPDATE access_grant SET until = now() WHERE dataset_id = $1 AND person_id = $2`,
		},
		{
			"owns it", `INSERT INTO dataset_override (dataset_id, owners) VALUES ($1, ARRAY[$2::bigint])`,
			`UPDATE dataset_override SET owners = NULL WHERE dataset_id = $1 AND owners = ARRAY[$2::bigint]`,
		},
	}
	run := func(q string) {
		t.Helper()
		if _, err := d.db.Exec(t.Context(), q, id, who.ID); err != nil {
			t.Fatal(err)
		}
	}
	shown := func() int {
		t.Helper()
		up, err := d.AnnouncementsFor(t.Context(), who, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(up)
	}
	for _, tt := range ties {
		if n := shown(); n != 0 {
			t.Errorf("before %q: %d announcements, want none", tt.name, n)
		}
		run(tt.tie)
		if n := shown(); n != 1 {
			t.Errorf("who %s sees %d announcements, want 1", tt.name, n)
		}
		run(tt.untie)
	}
	if n := shown(); n != 0 {
		t.Errorf("at the end: %d announcements, want none", n)
	}
}
