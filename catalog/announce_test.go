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
	up, err := d.ActiveAnnouncements(t.Context(), 10)
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
	if up, err := d.ActiveAnnouncements(t.Context(), 10); err != nil || len(up) != 0 {
		t.Errorf("%d are up, %v", len(up), err)
	}
}
