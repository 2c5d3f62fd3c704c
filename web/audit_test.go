package web

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/access"
)

// audited returns a portal whose log has acts of these objects, by "operator", and nothing else.
func audited(t *testing.T, objects ...string) *core {
	t.Helper()
	st := newCore(t, nil)
	st.exec(`ALTER TABLE audit DISABLE TRIGGER ALL; DELETE FROM audit; UPDATE audit_head SET seq = 0, mac = ''; ALTER TABLE audit ENABLE TRIGGER ALL`)
	for _, o := range objects {
		event := access.Event{Action: "dataset.edit", Object: o, Detail: map[string]any{"after": "<script>"}}
		if err := st.Access.RecordOnly(t.Context(), access.Act{Who: access.Operator(), Via: "test", Reason: "=1+1"}, event); err != nil {
			t.Fatal(err)
		}
	}
	return st
}

const auditWhat = ".acts .acts-what"

func TestAuditPage(t *testing.T) {
	t.Parallel()
	st := audited(t, "dataset lake/a/b", "dataset lake/<script>", "token 5")
	admin := st.as(access.Admin)
	page := html(t, st.ask(http.MethodGet, "/admin/audit?action=dataset.", admin))
	want := []string{"changed the description of lake/<script>", "changed the description of lake/a/b"}
	got := texts(page, auditWhat)
	got = got[:2] // the third is what token 5 was done to
	if diff := cmp.Diff([]string{"changed the description of the token 5", want[0]}, got); diff != "" {
		t.Errorf("acts (-want +got):\n%s", diff)
	}
	page = html(t, st.ask(http.MethodGet, "/admin/audit?object=lake%2Fa&person=OPER&q=1%2B1", admin))
	if diff := cmp.Diff(want[1:], texts(page, auditWhat)); diff != "" {
		t.Errorf("filtered (-want +got):\n%s", diff)
	}
	if link := page.Find(`.acts dd a`).AttrOr("href", ""); link != "/d/lake/a%2Fb" {
		t.Errorf("the dataset's page is %q", link)
	}
	if text := page.Find(".acts .code").Text(); !strings.Contains(text, `"after": "\u003cscript\u003e"`) {
		t.Errorf("detail %q", text)
	}
	res := st.ask(http.MethodGet, "/admin/audit?from=yesterday&person=nobody-such", admin)
	wantStatus(t, res, http.StatusUnprocessableEntity)
	if page := html(t, res); page.Find("#f-from-e").Length() != 1 || page.Find(".empty").Length() != 1 || page.Find("#f-from").AttrOr("value", "") != "yesterday" {
		t.Error("a day that is none: no error at the field, or it is gone")
	}
}

// Every row is a sentence with what it was done to, and the filter offers what there is.
func TestAuditSaysWhatWasDone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ action, object, detail, want string }{
		{"team.member.remove", "team flight-ops", `{"person":"Owen Park","person_id":3}`, "took Owen Park out of the team flight-ops"},
		{"dataset.edit", "1500 datasets", `{"changes":[{"field":"tags"},{"field":"sunset"},{"field":"tags"}]}`, "changed tags, last day of 1500 datasets"},
		{"dataset.undo", "1500 datasets", `{"changes":[{"field":"tags"}]}`, "took back tags of 1500 datasets"},
		{"token.create", "token 5", `{"name":"laptop","person":"Ann"}`, "made the token “laptop” of Ann"},
		{"session.start", "person 12 Owen Park", `{}`, "signed in"},
		{"access.approve", "dataset lake/x", `{}`, "access approve lake/x"},
		{"new.act_of_ours", "thing 1", `no JSON`, "new act of ours thing 1"},
	} {
		var text strings.Builder
		for _, part := range actParts(&access.Entry{Action: tt.action, Object: tt.object, Detail: tt.detail}) {
			text.WriteString(part.Text)
		}
		if text.String() != tt.want {
			t.Errorf("%s: %q, want %q", tt.action, text.String(), tt.want)
		}
	}
	st := audited(t, "token 1")
	admin := st.as(access.Admin)
	page := html(t, st.ask(http.MethodGet, "/admin/audit?action=dataset.undo", admin))
	if page.Find(`#f-action option[selected]`).AttrOr("value", "") != "dataset.undo" || page.Find(`#f-action option[value="token."]`).Length() != 1 {
		t.Error("the filter does not offer the acts there are")
	}
	page = html(t, st.ask(http.MethodGet, "/admin/audit?action=other", admin))
	if page.Find(`#f-action option[selected]`).AttrOr("value", "") != "other" {
		t.Error("an action of an address is lost")
	}
}

func TestAuditPages(t *testing.T) {
	t.Parallel()
	var objects []string
	for range auditPageSize + 2 {
		objects = append(objects, "token 1")
	}
	st := audited(t, append([]string{"token first"}, objects...)...)
	admin := st.as(access.Admin)
	page := html(t, st.ask(http.MethodGet, "/admin/audit?object=token", admin))
	older := page.Find(`.pager a[rel=next]`).AttrOr("href", "")
	if n := page.Find(auditWhat).Length(); n != auditPageSize || older == "" {
		t.Fatalf("%d acts and the next page %q", n, older)
	}
	page = html(t, st.ask(http.MethodGet, older, admin))
	got := texts(page, auditWhat)
	if len(got) != 3 || got[2] != "changed the description of the token first" || page.Find(`.pager a[rel=next]`).Length() != 0 {
		t.Errorf("the last page has %q", got)
	}
	if newest := page.Find(".pager a").AttrOr("href", ""); newest != "/admin/audit?object=token" {
		t.Errorf("the way back is %q", newest)
	}
}

// The check is recorded, and the page tells of the last one.
func TestAuditCheck(t *testing.T) {
	t.Parallel()
	st := audited(t, "token 1", "token 2")
	admin := st.as(access.Admin)
	check := func() (tone, text string) {
		t.Helper()
		wantStatus(t, st.ask(http.MethodPost, "/admin/audit/verify", admin, header("Sec-Fetch-Site", "same-origin")), http.StatusSeeOther)
		callout := html(t, st.ask(http.MethodGet, "/admin/audit", admin)).Find(".callout")
		return callout.AttrOr("class", ""), callout.Text()
	}
	if tone, text := check(); !strings.Contains(tone, "good") || !strings.Contains(text, "as they were written") || !strings.Contains(text, "The admin checked") {
		t.Errorf("an untouched log: %s %s", tone, text)
	}
	st.exec(`ALTER TABLE audit DISABLE TRIGGER ALL; UPDATE audit SET object = 'token 3' WHERE seq = 2`)
	if tone, text := check(); !strings.Contains(tone, "bad") || !strings.Contains(text, "Row 2 is not what was written there") {
		t.Errorf("a changed row: %s %s", tone, text)
	}
	if len(st.logged.lines(t, "audit log is not what was written")) != 1 {
		t.Error("the portal's log does not tell of it")
	}
}

func TestAuditExport(t *testing.T) {
	t.Parallel()
	var objects []string
	for range auditBatch + 1 {
		objects = append(objects, "=cmd()")
	}
	st := audited(t, append(objects, "token 1")...)
	admin := st.as(access.Admin)
	server := httptest.NewServer(st.handler) // a recorder has no deadlines
	t.Cleanup(server.Close)
	export := func(format string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/admin/audit/export", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "data.example.com"
		for _, h := range []asking{admin, header("Sec-Fetch-Site", "same-origin"), form("object", "cmd", "format", format)} {
			h(req)
		}
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") {
			t.Fatalf("status %d, %v: %.300s", res.StatusCode, err, text)
		}
		return string(text)
	}
	rows, err := csv.NewReader(strings.NewReader(export("csv"))).ReadAll()
	if err != nil || len(rows) != len(objects)+1 {
		t.Fatalf("%d rows, %v; want a head and %d", len(rows), err, len(objects))
	}
	if first := rows[1]; first[9] != "'=cmd()" || first[10] != "'=1+1" || first[11] != `{"after":"\u003cscript\u003e"}` {
		t.Errorf("a row is %q: formulas must be harmless, and the rest as it is", first)
	}
	lines := strings.Split(strings.TrimSpace(export("ndjson")), "\n")
	var last auditEntryAnswer
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != len(objects) || last.Seq != 1 || last.Detail["after"] != "<script>" {
		t.Errorf("%d lines, the last %+v, %v", len(lines), last, err)
	}
	told, err := st.Access.Entries(t.Context(), access.AuditQuery{Action: "audit.export"})
	if err != nil || len(told) != 2 || !strings.Contains(told[1].Detail, `"object":["cmd"]`) {
		t.Errorf("of the exports the log says %+v, %v", told, err)
	}
	wantStatus(t, st.ask(http.MethodPost, "/admin/audit/export", admin, header("Sec-Fetch-Site", "same-origin"), form("format", "xls")), http.StatusUnprocessableEntity)
}

func TestAuditByTheAPI(t *testing.T) {
	t.Parallel()
	st := audited(t, "token 1", "token 2", "token 3")
	reader := bearer(st.token(access.Admin, access.ScopeAdmin))
	page := get[List[auditEntryAnswer]](st, http.StatusOK, "/api/v1/audit?object=token&action=dataset.edit&limit=2", reader)
	if len(page.Items) != 2 || page.Items[0].Object != "token 3" || page.NextCursor == "" {
		t.Fatalf("the first page is %+v", page)
	}
	page = get[List[auditEntryAnswer]](st, http.StatusOK, "/api/v1/audit?object=token&action=dataset.edit&limit=2&cursor="+page.NextCursor, reader)
	if len(page.Items) != 1 || page.Items[0].Seq != 1 || page.NextCursor != "" {
		t.Errorf("the last page is %+v", page)
	}
	wantStatus(t, st.ask(http.MethodGet, "/api/v1/audit?cursor=x", reader), http.StatusUnprocessableEntity)
	wantStatus(t, st.ask(http.MethodGet, "/api/v1/audit", bearer(st.token(access.Admin, access.ScopeRead))), http.StatusForbidden)
	st.exec(`UPDATE person SET role = 'steward' WHERE role = 'admin'`) // who falls takes their tokens along
	wantStatus(t, st.ask(http.MethodGet, "/api/v1/audit", reader), http.StatusForbidden)
}
