package web

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/access"
	"portreeve/catalog"
)

// vault is a portal whose lake is restricted. Every value in it holds the word SECRET.
type vault struct {
	*core
	rows *vaultRows
	ana  access.Person // may read nothing by herself
	owen access.Person // of the team that owns it
}

const vaulted = "/d/lake/raw.flights"

// vaultRows reads rows of two columns, and remembers what it was asked for.
type vaultRows struct {
	mu    sync.Mutex
	asked []string
}

func (r *vaultRows) Sample(_ context.Context, key catalog.Key, columns []string, _ int) (catalog.Sample, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, columnsText(columns))
	carrier, origin := "SECRET-carrier", "SECRET-origin"
	return catalog.Sample{ // as an engine that reads more than it was asked for
		Key: key, SnapshotID: "s2", Columns: []catalog.SampleColumn{{Name: "carrier", Type: "VARCHAR"}, {Name: "origin", Type: "VARCHAR"}},
		Rows: [][]*string{{&carrier, &origin}},
	}, nil
}

// reads returns what was asked for since the last call.
func (r *vaultRows) reads() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.asked = nil }()
	return r.asked
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{rows: &vaultRows{}}
	v.core = newCore(t, func(s *Server) { s.Rows = v.rows })
	v.exec(`UPDATE source SET kind = 'iceberg', access = 'restricted'`)
	v.exec(`UPDATE dataset SET partitioning = '{carrier}'`)
	d, err := v.Catalog.Dataset(t.Context(), catalog.Key{Source: "lake", Name: "raw.flights"})
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) *string { return &s }
	profile := catalog.Profile{SnapshotID: "s2", RowsTotal: 10, RowsRead: 10}
	for _, name := range []string{"carrier", "origin"} {
		profile.Columns = append(profile.Columns, catalog.ColumnProfile{
			Name: name, Type: "VARCHAR", Rows: 10, Min: text("SECRET-min-" + name), Max: text("SECRET-max-" + name), Distinct: new(int64(7)),
			Top: []catalog.TopValue{{Value: "SECRET-top-" + name, Rows: 3}},
		})
	}
	if err := v.Catalog.PutProfile(t.Context(), d.ID, profile); err != nil {
		t.Fatal(err)
	}
	v.ana, v.owen = v.one("Ana", "planning", access.Analyst), v.one("Owen", "flight-ops", access.Owner)
	return v
}

func (v *vault) one(name, team string, role access.Role) access.Person {
	v.t.Helper()
	p, err := v.Access.EnsurePerson(v.t.Context(), access.Person{Issuer: "test", Subject: name, Name: name, Team: team, Role: role})
	if err != nil {
		v.t.Fatal(err)
	}
	return p
}

// signed signs a request in as a person.
func (v *vault) signed(p access.Person) asking {
	v.t.Helper()
	secret, err := v.Access.CreateSession(v.t.Context(), p.ID, time.Hour)
	if err != nil {
		v.t.Fatal(err)
	}
	return header("Cookie", sessionCookie+"="+secret)
}

// tokened signs a request to the API in as a person.
func (v *vault) tokened(p access.Person) asking {
	v.t.Helper()
	act := access.Act{Who: access.Operator(), Via: "test"}
	secret, _, err := v.Access.CreateToken(v.t.Context(), act, p.ID, "test", []string{access.ScopeRead, access.ScopeWrite}, time.Hour)
	if err != nil {
		v.t.Fatal(err)
	}
	return bearer(secret)
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ofOrigin finds a value of the column origin.
var ofOrigin = regexp.MustCompile(`SECRET[a-z-]*-origin`)

var sameSite = header("Sec-Fetch-Site", "same-origin")

// post sends a form and returns where it leads to.
func (v *vault) post(who access.Person, path string, pairs ...string) string {
	v.t.Helper()
	res := v.ask(http.MethodPost, path, v.signed(who), sameSite, form(pairs...))
	if res.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("POST %s by %s = %d: %.600s", path, who.Name, res.StatusCode, body(v.t, res))
	}
	return res.Header.Get("Location")
}

// ask for the vault, and have it approved.
func (v *vault) granted(columns ...string) {
	v.t.Helper()
	pairs := []string{"purpose", "Delay report for the hubs", "for", "30"}
	if len(columns) > 0 {
		pairs = append(pairs, "which", "some")
		for _, c := range columns {
			pairs = append(pairs, "column", c)
		}
	}
	request := v.post(v.ana, vaulted+"/access", pairs...)
	v.post(v.owen, request+"/approve", "reason", "")
}

// everywhere lists every address of a GET route that is about a dataset, and the lists that hold datasets.
func (v *vault) everywhere() (paths []string) {
	parts := strings.NewReplacer(":source", "lake", ":name", "raw.flights", ":part", "sample", ":file", "1.txt", ":slug", "lake", ":path", "carrier", ":field", "title", ":column", "carrier")
	for _, r := range []*router{v.pages(), v.api()} {
		for _, rt := range r.echo.Routes() {
			path := parts.Replace(rt.Path)
			if rt.Method == http.MethodGet && !strings.Contains(path, ":") && !strings.HasSuffix(path, "/events") && !strings.HasSuffix(path, "*") {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	return paths
}

func TestRestrictedValuesAppearNowhere(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	shown := map[string]bool{}
	for _, path := range v.everywhere() {
		how := func(p access.Person) asking { return v.signed(p) }
		if strings.HasPrefix(path, "/api") {
			how = func(p access.Person) asking { return v.tokened(p) }
		}
		if text := body(t, v.ask(http.MethodGet, path, how(v.ana))); strings.Contains(text, "SECRET") {
			t.Errorf("GET %s shows a value to who may read none", path)
		}
		if reads := v.rows.reads(); len(reads) > 0 {
			t.Errorf("GET %s read rows before it was known who asks: %v", path, reads)
		}
		shown[path] = strings.Contains(body(t, v.ask(http.MethodGet, path, how(v.owen))), "SECRET")
		v.rows.reads()
	}
	const api = "/api/v1/datasets/lake/raw.flights"
	for _, path := range []string{vaulted, vaulted + "/columns", vaulted + "/sample", vaulted + "/sample.csv", api + "/columns", api + "/sample", api + "/profile"} {
		if !shown[path] {
			t.Errorf("GET %s shows no value to its owner: the test would not notice one that is shown to others", path)
		}
	}
}

func TestRestrictedTabsStandAndLeadToTheRequest(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	ana := v.signed(v.ana)
	for path, want := range map[string]string{
		vaulted: "Request access", vaulted + "/sample": "You may not read its rows", vaulted + "/columns": "Values are restricted",
	} {
		res := v.ask(http.MethodGet, path, ana)
		wantStatus(t, res, http.StatusOK)
		doc := html(t, res)
		wantText(t, doc, "main", want)
		if doc.Find(`main a[href="`+vaulted+`/access"]`).Length() == 0 {
			t.Errorf("%s does not lead to the request", path)
		}
	}
	res := v.ask(http.MethodGet, vaulted+"/sample.csv", ana)
	wantStatus(t, res, http.StatusForbidden)
	got := read[problem](v.core, http.StatusForbidden, v.ask(http.MethodGet, "/api/v1/datasets/lake/raw.flights/profile", v.tokened(v.ana)))
	if !strings.Contains(got.Detail, vaulted+"/access") {
		t.Errorf("the API says %q and not where to ask", got.Detail)
	}
}

// A second person asks for access, gets some of it, and loses it on its end date, to the second.
func TestAccessStory(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.granted("carrier")
	if reads := v.rows.reads(); len(reads) > 0 {
		t.Errorf("asking and deciding read rows: %v", reads)
	}
	ana, token := v.signed(v.ana), v.tokened(v.ana)
	const api = "/api/v1/datasets/lake/raw.flights"
	open := map[string]asking{
		vaulted + "/sample": ana, vaulted + "/sample.csv": ana, vaulted + "/columns": ana, vaulted: ana,
		api + "/sample": token, api + "/profile": token, api + "/columns": token,
	}
	for path, how := range open {
		res := v.ask(http.MethodGet, path, how)
		text := body(t, res)
		if res.StatusCode != http.StatusOK || !strings.Contains(text, "SECRET") || ofOrigin.MatchString(text) {
			t.Errorf("GET %s with a grant of carrier = %d: carrier %v, origin %v", path, res.StatusCode, strings.Contains(text, "SECRET"), ofOrigin.MatchString(text))
		}
	}
	if diff := cmp.Diff([]string{"carrier", "carrier", "carrier"}, v.rows.reads()); diff != "" {
		t.Errorf("columns that the engine was asked for (-want +got):\n%s", diff)
	}
	v.exec(`UPDATE access_grant SET until = now()`) // no job has noticed
	for path, how := range open {
		if text := body(t, v.ask(http.MethodGet, path, how)); strings.Contains(text, "SECRET") {
			t.Errorf("GET %s shows values after the end", path)
		}
	}
	wantStatus(t, v.ask(http.MethodGet, vaulted+"/sample.csv", ana), http.StatusForbidden)
	wantStatus(t, v.ask(http.MethodGet, api+"/sample", token), http.StatusForbidden)
	if reads := v.rows.reads(); len(reads) > 0 {
		t.Errorf("rows were read after the end: %v", reads)
	}
	wantText(t, html(t, v.ask(http.MethodGet, "/requests?view=have", ana)), "main table", "Expired")
}

func TestRequestPages(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	path := v.post(v.ana, vaulted+"/access", "purpose", "Delay report for the hubs", "for", "date", "until", isoDay(time.Now().AddDate(0, 0, 20)))
	doc := html(t, v.ask(http.MethodGet, path, v.signed(v.ana)))
	wantText(t, doc, "main", "One of Owen")
	if doc.Find(`form[action$="/approve"]`).Length() > 0 {
		t.Error("who asks can approve")
	}
	wantText(t, html(t, v.ask(http.MethodGet, vaulted+"/access", v.signed(v.ana))), "main", "Requested, waits for Owen")
	doc = html(t, v.ask(http.MethodGet, "/requests", v.signed(v.owen)))
	wantText(t, doc, "main .list", "Ana: access to lake/raw.flights Delay report for the hubs")
	wantText(t, html(t, v.ask(http.MethodGet, path, v.signed(v.owen))), "main aside dd", "string Who flies")
	otto := v.one("Otto", "sales", access.Owner)
	other, missing := v.ask(http.MethodGet, path, v.signed(otto)), v.ask(http.MethodGet, "/requests/999", v.signed(otto))
	wantStatus(t, other, http.StatusNotFound)
	wantStatus(t, missing, http.StatusNotFound)
	if a, b := words(html(t, other), ".page h1, .page p"), words(html(t, missing), ".page h1, .page p"); idless(a) != idless(b) {
		t.Errorf("another's request reads %q, a missing one %q", a, b)
	}
	wantStatus(t, v.ask(http.MethodPost, path+"/approve", v.signed(otto), sameSite, form()), http.StatusNotFound)
	res := v.ask(http.MethodPost, path+"/deny", v.signed(v.owen), sameSite, form("reason", "  ", "until", isoDay(time.Now())))
	wantStatus(t, res, http.StatusUnprocessableEntity)
	doc = html(t, res)
	wantText(t, doc, "#reason-e", "Say why, so that Ana knows what to do instead.")
	if got, _ := doc.Find("#until").Attr("value"); got != isoDay(time.Now()) {
		t.Errorf("the form forgot the day: %q", got)
	}
	v.post(v.owen, path+"/deny", "reason", "Use the hourly summary")
	wantText(t, html(t, v.ask(http.MethodGet, path, v.signed(v.ana))), "main", "Use the hourly summary")
	res = v.ask(http.MethodPost, path+"/approve", v.signed(v.owen), sameSite, form())
	wantStatus(t, res, http.StatusConflict)
	wantText(t, html(t, res), "main", "Owen has denied this request on")
}

// idless is a text without request ids, which every error page has its own of, and without digits of addresses.
func idless(text string) string {
	kept := strings.Fields(text)
	return strings.Join(slices.DeleteFunc(kept, func(w string) bool { return strings.ContainsAny(w, "0123456789") }), " ")
}

func TestRequestFormKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	tests := []struct {
		name, field string
		pairs       []string
	}{
		{"a purpose too short", "purpose", []string{"purpose", "reports", "for", "30"}},
		{"no day", "until", []string{"purpose", "Delay report", "for", "date", "until", ""}},
		{"a day too far", "until", []string{"purpose", "Delay report", "for", "date", "until", "2999-01-01"}},
		{"a day that has passed", "until", []string{"purpose", "Delay report", "for", "date", "until", "2020-01-01"}},
		{"no column", "columns", []string{"purpose", "Delay report", "for", "30", "which", "some"}},
		{"a column that is not there", "columns", []string{"purpose", "Delay report", "for", "30", "which", "some", "column", "salary"}},
	}
	for _, tt := range tests {
		res := v.ask(http.MethodPost, vaulted+"/access", v.signed(v.ana), sameSite, form(tt.pairs...))
		wantStatus(t, res, http.StatusUnprocessableEntity)
		doc := html(t, res)
		if words(doc, "#"+tt.field+"-e") == "" {
			t.Errorf("%s: nothing is said at the field %s", tt.name, tt.field)
		}
		if got := doc.Find("#purpose").Text(); got != tt.pairs[1] {
			t.Errorf("%s: the purpose became %q", tt.name, got)
		}
	}
	wantStatus(t, v.ask(http.MethodPost, vaulted+"/access", v.signed(v.owen), sameSite, form("purpose", "I own it anyway", "for", "30")), http.StatusConflict)
}

func TestRevokeOnThePage(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.granted()
	doc := html(t, v.ask(http.MethodGet, vaulted+"/access", v.signed(v.owen)))
	revoke, there := doc.Find(`form[action^="/grants/"]`).Attr("action")
	if !there {
		t.Fatal("the owner sees no way to end it")
	}
	if html(t, v.ask(http.MethodGet, vaulted+"/access", v.signed(v.one("Bo", "sales", access.Owner)))).Find("#granted").Length() > 0 {
		t.Error("others see who was granted it")
	}
	res := v.ask(http.MethodPost, revoke, v.signed(v.owen), sameSite, form("reason", ""))
	wantStatus(t, res, http.StatusUnprocessableEntity)
	wantText(t, html(t, res), "main .error", "Say why, so that Ana knows.")
	wantStatus(t, v.ask(http.MethodPost, revoke, v.signed(v.one("Bo", "sales", access.Owner)), sameSite, form("reason", "mine")), http.StatusNotFound)
	v.post(v.owen, revoke, "reason", "The project is over")
	wantStatus(t, v.ask(http.MethodGet, vaulted+"/sample.csv", v.signed(v.ana)), http.StatusForbidden)
	doc = html(t, v.ask(http.MethodGet, "/requests?view=have", v.signed(v.ana)))
	wantText(t, doc, "main table", "Ended by Owen")
}

func TestAPIAccess(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	ana, owen := v.tokened(v.ana), v.tokened(v.owen)
	const root = "/api/v1/access-requests"
	send := func(who asking, status int, method, path, text string) accessRequestAnswer {
		t.Helper()
		return read[accessRequestAnswer](v.core, status, v.ask(method, path, who, sending("application/json", text)))
	}
	day := isoDay(time.Now().AddDate(0, 0, 10))
	ask := `{"dataset": {"source": "lake", "name": "raw.flights"}, "purpose": "Delay report for the hubs", "until": "` + day + `", "columns": ["carrier"]}`
	made := send(ana, http.StatusCreated, http.MethodPost, root, ask)
	if made.State != "pending" || isoDay(made.Until) != day || !slices.Equal(made.Columns, []string{"carrier"}) {
		t.Errorf("made %+v", made)
	}
	wantStatus(t, v.ask(http.MethodPost, root, ana, sending("application/json", ask)), http.StatusConflict)
	bad := read[problem](v.core, http.StatusUnprocessableEntity, v.ask(http.MethodPost, root, ana, sending("application/json", strings.Replace(ask, "carrier", "salary", 1))))
	if len(bad.Errors) != 1 || bad.Errors[0].Pointer != "/columns" {
		t.Errorf("a column that is not there: %+v", bad)
	}
	waiting := get[List[accessRequestAnswer]](v.core, http.StatusOK, root+"?view=waiting", owen)
	if len(waiting.Items) != 1 || waiting.Items[0].ID != made.ID {
		t.Errorf("waiting for the owner: %+v", waiting)
	}
	one := root + "/" + made.ID
	wantStatus(t, v.ask(http.MethodGet, one, v.tokened(v.one("Otto", "sales", access.Owner))), http.StatusNotFound)
	wantStatus(t, v.ask(http.MethodPost, one+"/approve", ana, sending("application/json", `{}`)), http.StatusForbidden)
	wantStatus(t, v.ask(http.MethodPost, one+"/deny", owen, sending("application/json", `{}`)), http.StatusUnprocessableEntity)
	if done := send(owen, http.StatusOK, http.MethodPost, one+"/approve", `{"reason": "fine"}`); done.State != "approved" || done.GrantID == nil || done.DecidedBy != "Owen" {
		t.Errorf("approved %+v", done)
	}
	held := get[List[grantAnswer]](v.core, http.StatusOK, "/api/v1/grants", ana)
	if len(held.Items) != 1 || !held.Items[0].Live {
		t.Fatalf("held: %+v", held)
	}
	grant := "/api/v1/grants/" + held.Items[0].ID
	wantStatus(t, v.ask(http.MethodDelete, grant, owen), http.StatusUnprocessableEntity)
	wantStatus(t, v.ask(http.MethodDelete, grant+"?reason=over", owen), http.StatusOK)
	wantStatus(t, v.ask(http.MethodDelete, grant+"?reason=over", owen), http.StatusConflict)
	wantStatus(t, v.ask(http.MethodGet, "/api/v1/datasets/lake/raw.flights/sample", ana), http.StatusForbidden)
}
