package web

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"portreeve/access"
	"portreeve/catalog"
)

// matrix is a portal with a restricted dataset lake/raw.flights of the team ops and the domain flights, people of every kind,
// and one of each thing that has an id: all of them are owner's, but the request and the grant, which are analyst's.
type matrix struct {
	*core
	people map[string]access.Person
}

// matrixCallers are the columns of testdata/matrix.txt. nobody stands for ended sessions and disabled people as well: see
// TestEndedIsNobody.
var matrixCallers = []string{"nobody", "viewer", "analyst", "owner", "stranger", "steward", "admin"}

// matrixThings are what has an id. They are made anew before each route that changes something.
const matrixThings = `
	DELETE FROM delivery; DELETE FROM notification; DELETE FROM watch; DELETE FROM access_grant; DELETE FROM access_request;
	DELETE FROM announcement; DELETE FROM session; DELETE FROM token; DELETE FROM team_member; DELETE FROM domain_steward;
	UPDATE person SET disabled_at = NULL, given_role = NULL WHERE subject <> 'disabled';
	UPDATE person SET role = subject WHERE subject IN ('viewer', 'analyst', 'owner', 'steward', 'admin');
	INSERT INTO team (slug, name) VALUES ('ops', 'Operations'), ('sales', 'Sales') ON CONFLICT (slug) DO UPDATE SET gone_at = NULL;
	INSERT INTO domain (slug, name) VALUES ('flights', 'Flights') ON CONFLICT (slug) DO UPDATE SET gone_at = NULL;
	INSERT INTO domain_steward (domain_id, person_id, by_rule) SELECT d.id, p.id, false FROM domain d, person p WHERE p.subject = 'steward';
	INSERT INTO glossary_term (slug, name, definition, person) VALUES ('delay', 'Delay', 'Late', 'x') ON CONFLICT (slug) DO NOTHING;
	INSERT INTO dataset_override (dataset_id, team, domain, access) SELECT id, 'ops', 'flights', 'restricted' FROM dataset WHERE name = 'raw.flights'
		ON CONFLICT (dataset_id) DO UPDATE SET team = 'ops', domain = 'flights', access = 'restricted';
	INSERT INTO announcement (id, dataset_id, text, person_id, person) OVERRIDING SYSTEM VALUE
		SELECT 9001, d.id, 'x', p.id, 'x' FROM dataset d, person p WHERE d.name = 'raw.flights' AND p.subject = 'owner';
	INSERT INTO token (id, hash, person_id, name, scopes, expires_at) OVERRIDING SYSTEM VALUE
		SELECT 9001, sha256('t'), id, 'mine', ARRAY['read'], now() + interval '1 day' FROM person WHERE subject = 'owner';
	INSERT INTO token (id, hash, person_id, name, scopes, expires_at) OVERRIDING SYSTEM VALUE
		SELECT 9002, sha256('s'), id, 'a service''s', ARRAY['read'], now() + interval '1 day' FROM person WHERE subject = 'service';
	INSERT INTO session (id, hash, person_id, expires_at) OVERRIDING SYSTEM VALUE
		SELECT 9001, sha256('t'), id, now() + interval '1 day' FROM person WHERE subject = 'owner';
	INSERT INTO access_request (id, dataset_id, person_id, purpose, until) OVERRIDING SYSTEM VALUE
		SELECT 9001, d.id, p.id, 'to see them', now() + interval '9 days' FROM dataset d, person p WHERE d.name = 'raw.flights' AND p.subject = 'analyst';
	INSERT INTO access_grant (id, dataset_id, person_id, until, granted_by) OVERRIDING SYSTEM VALUE
		SELECT 9001, d.id, p.id, now() + interval '9 days', p.id FROM dataset d, person p WHERE d.name = 'raw.flights' AND p.subject = 'disabled';
	INSERT INTO watch (id, person_id, kind, target) OVERRIDING SYSTEM VALUE SELECT 9001, id, 'team', 'ops' FROM person WHERE subject = 'owner';
	INSERT INTO notification (id, person_id, event, title, path, once) OVERRIDING SYSTEM VALUE
		SELECT 9001, id, 'schema', 'x', '/', 'x' FROM person WHERE subject = 'owner';`

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	var clock atomic.Int64 // runs ahead, so that nobody asks too much at once
	began := time.Now()
	m := &matrix{newCore(t, func(s *Server) {
		s.Now = func() time.Time { return began.Add(time.Duration(clock.Add(1)) * 50 * time.Millisecond) }
	}), map[string]access.Person{}}
	for name, p := range map[string]access.Person{
		"viewer": {Role: access.Viewer}, "analyst": {Role: access.Analyst}, "owner": {Role: access.Owner, Team: "ops"},
		"stranger": {Role: access.Owner, Team: "sales"}, "steward": {Role: access.Steward}, "admin": {Role: access.Admin},
		"disabled": {Role: access.Admin, Team: "ops"}, "service": {Role: access.Analyst},
	} {
		p.Issuer, p.Subject, p.Name = "test", name, "The "+name
		stored, err := m.Access.EnsurePerson(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		m.people[name] = stored
	}
	m.exec(`UPDATE person SET disabled_at = now() WHERE subject = 'disabled'; UPDATE person SET kind = 'service', issuer = 'service' WHERE subject = 'service'`)
	m.exec(matrixThings)
	return m
}

// asked returns how a caller asks for a page, or for the API with a token of all scopes.
func (m *matrix) asked(caller string, api bool) asking {
	m.t.Helper()
	p, known := m.people[caller]
	switch {
	case !known:
		return func(*http.Request) {}
	case api:
		scopes := []string{access.ScopeRead, access.ScopeWrite}
		if p.Role == access.Admin {
			scopes = append(scopes, access.ScopeAdmin)
		}
		secret, _, err := m.Access.CreateToken(m.t.Context(), m.act(p), p.ID, "test", scopes, time.Hour)
		if err != nil {
			m.t.Fatal(err)
		}
		return bearer(secret)
	}
	secret, err := m.Access.CreateSession(m.t.Context(), p.ID, time.Hour)
	if err != nil {
		m.t.Fatal(err)
	}
	return header("Cookie", sessionCookie+"="+secret)
}

func (m *matrix) act(p access.Person) access.Act {
	return access.Act{Who: access.Principal{Person: p}, Via: "page"}
}

// address fills the parameters of a path with what is there, or with what is not.
func (m *matrix) address(path string, there bool) string {
	id, name := "9001", "none"
	fill := map[string]string{":source": "lake", ":file": "1.json", ":part": "columns"}
	switch {
	case strings.Contains(path, "/teams/"):
		name = "ops"
	case strings.Contains(path, "/domains/"):
		name = "flights"
	case strings.Contains(path, "/glossary/"):
		name = "delay"
	case strings.Contains(path, "/sources/"), strings.Contains(path, "/source/"):
		name, id = "lake", "1"
	case strings.Contains(path, "/people/"):
		id = catalog.FormatID(m.people["viewer"].ID)
	case strings.Contains(path, "/services/"):
		id = catalog.FormatID(m.people["service"].ID)
	case strings.Contains(path, "/crawls/"):
		id = "1"
	}
	fill[":slug"], fill[":id"], fill[":token"], fill[":session"], fill[":name"] = name, id, id, id, "raw.flights"
	if strings.Contains(path, "/services/") {
		fill[":token"] = "9002"
	}
	if strings.HasPrefix(path, "/assets") {
		fill["*"] = "none"
	}
	if !there {
		for _, p := range []string{":slug", ":name", ":file"} {
			fill[p] = "none"
		}
		for _, p := range []string{":id", ":token", ":session"} {
			fill[p] = "999999"
		}
	}
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if v, ok := fill[p]; ok {
			parts[i] = v
		}
	}
	return strings.Join(parts, "/")
}

// ruling is what a request came to: who is refused, or ok where the route went to work, whatever it then found.
func ruling(res *http.Response) string {
	switch {
	case strings.HasPrefix(res.Header.Get("Location"), "/login"):
		return "login"
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden, res.StatusCode == http.StatusNotFound:
		return strings.Fields(res.Status)[0]
	case res.StatusCode >= 500, res.StatusCode == http.StatusTooManyRequests:
		return "broken"
	}
	return "ok"
}

// routes are all routes, as "METHOD path".
func (m *matrix) routes() []string {
	all := map[string]bool{}
	for _, r := range []*router{m.pages(), m.api()} {
		for _, rt := range r.echo.Routes() {
			all[rt.Method+" "+rt.Path] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// run asks a route as everybody, and returns the rulings.
func (m *matrix) run(route string, there bool) string {
	method, path, _ := strings.Cut(route, " ")
	api := strings.HasPrefix(path, "/api/")
	var out []string
	for _, caller := range matrixCallers {
		how := []asking{m.asked(caller, api)}
		if method != http.MethodGet {
			m.exec(matrixThings)
			how = []asking{m.asked(caller, api), header("Sec-Fetch-Site", "same-origin")}
			if api {
				how = append(how, sending("application/json", `{}`))
			} else {
				how = append(how, form())
			}
		}
		out = append(out, ruling(m.ask(method, m.address(path, there), how...)))
	}
	return strings.Join(out, " ")
}

// TestMatrix asks every route as everybody, about what is there and about what is not, and compares with
// testdata/matrix.txt, which is written by hand: a line for each route, the rulings for what is there, a bar, and those for
// what is not.
func TestMatrix(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	want := readMatrix(t)
	got := map[string]string{}
	for _, route := range m.routes() {
		if !strings.HasSuffix(route, "/events") { // streams do not end; their policies are in TestPolicyOfEveryRoute
			got[route] = m.run(route, true)
			if strings.Contains(route, ":") {
				got[route] += " | " + m.run(route, false)
			}
		}
	}
	for _, route := range slices.Sorted(maps.Keys(got)) {
		if got[route] != want[route] {
			t.Errorf("%s\n got %s\nwant %s", route, got[route], want[route])
		}
	}
	for route := range want {
		if got[route] == "" {
			t.Errorf("%s is in the table and no route", route)
		}
	}
}

func readMatrix(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("testdata/matrix.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) > 2 && !strings.HasPrefix(words[0], "#") {
			rows[words[0]+" "+words[1]] = strings.Join(words[2:], " ")
		}
	}
	return rows
}

// TestEndedIsNobody asks every route with an ended session, as a disabled person, and with a token of each: they are nobody.
func TestEndedIsNobody(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	m.exec(`UPDATE person SET disabled_at = NULL WHERE subject = 'disabled'`)
	disabled, ended := m.asked("disabled", false), m.asked("admin", false)
	m.exec(`UPDATE session SET expires_at = now() WHERE id = (SELECT max(id) FROM session WHERE id < 9000)`)
	disabledToken, endedToken := m.asked("disabled", true), m.asked("admin", true)
	m.exec(`UPDATE token SET revoked_at = now() WHERE id = (SELECT id FROM token WHERE name = 'test' ORDER BY created_at DESC LIMIT 1)`)
	m.exec(`UPDATE person SET disabled_at = now() WHERE subject = 'disabled'`)
	for _, route := range m.routes() {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodGet || strings.HasSuffix(path, "/events") {
			continue
		}
		address := m.address(path, true)
		nobody := ruling(m.ask(method, address))
		for name, how := range map[string]asking{"disabled": disabled, "ended": ended, "disabled's token": disabledToken, "ended token": endedToken} {
			got := ruling(m.ask(method, address, how))
			if strings.Contains(name, "token") && strings.HasPrefix(path, "/api/") && got == "401" {
				continue // a token that opens nothing is told so, also where nobody needs one
			}
			if got != nobody {
				t.Errorf("%s %s as %s: %s, as nobody: %s", method, address, name, got, nobody)
			}
		}
	}
}

// TestNoWayAround writes every path in other ways, and says in headers that it is another: nobody gets further by it.
func TestNoWayAround(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	for _, route := range m.routes() {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodGet || strings.HasSuffix(path, "/events") {
			continue
		}
		plain := m.address(path, true)
		if ruling(m.ask(method, plain)) == "ok" {
			continue
		}
		others := []string{
			"/" + plain, "/." + plain, "/x/.." + plain, "/login/..;" + plain, plain + ";a=b", plain + "/", plain + "%2f", plain + "%00", plain + "?x=/login",
			"/" + strings.ReplaceAll(plain[1:], "/", "%2f"), "/" + strings.ReplaceAll(plain[1:], "/", "%5c"), "/" + strings.ToUpper(plain[1:]), "/login%2f.." + plain, "/assets/.." + plain,
			"/livez" + plain, plain + "/livez", plain + ".css",
		}
		for _, address := range others {
			if got := m.ask(method, address); got.StatusCode == http.StatusOK {
				t.Errorf("nobody gets %s by %s", plain, address)
			}
		}
		for _, name := range []string{"X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path"} {
			if got := ruling(m.ask(method, plain, header(name, "/login"))); got == "ok" {
				t.Errorf("nobody gets %s with %s", plain, name)
			}
		}
		for _, verb := range []string{http.MethodHead, http.MethodOptions, http.MethodTrace, "PROPFIND", "get"} {
			if got := m.ask(verb, plain); got.StatusCode == http.StatusOK {
				t.Errorf("nobody gets %s by %s", plain, verb)
			}
		}
		if got := m.ask(method, plain, header("X-HTTP-Method-Override", "POST"), header("X-Forwarded-For", "127.0.0.1")); ruling(got) == "ok" {
			t.Errorf("nobody gets %s by pretending", plain)
		}
	}
}

// TestReadingChangesNothing asks every route that only tells, twice, as an admin: no row of any table is another afterwards.
func TestReadingChangesNothing(t *testing.T) {
	t.Parallel()
	m := newMatrix(t)
	page, api := m.asked("admin", false), m.asked("admin", true)
	m.ask(http.MethodGet, "/", page) // notes the use of the session and the token
	m.ask(http.MethodGet, "/api/v1/sources", api)
	before := m.checksums()
	for range 2 {
		for _, route := range m.routes() {
			method, path, _ := strings.Cut(route, " ")
			if method != http.MethodGet || strings.HasSuffix(path, "/events") {
				continue
			}
			how := page
			if strings.HasPrefix(path, "/api/") {
				how = api
			}
			m.ask(method, m.address(path, true), how)
			for table, sum := range m.checksums() {
				if before[table] != sum {
					t.Errorf("GET %s writes to %s", path, table)
					before[table] = sum
				}
			}
		}
	}
}

func (m *matrix) checksums() map[string]string {
	m.t.Helper()
	const tables = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'river%'`
	sums := map[string]string{}
	rows, err := m.pool.Query(m.t.Context(), tables)
	if err != nil {
		m.t.Fatal(err)
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			m.t.Fatal(err)
		}
		names = append(names, name)
	}
	rows.Close()
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf(`SELECT '%s', coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM %s t`, name, name))
	}
	rows, err = m.pool.Query(m.t.Context(), strings.Join(all, " UNION ALL "))
	if err != nil {
		m.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, sum string
		if err := rows.Scan(&name, &sum); err != nil {
			m.t.Fatal(err)
		}
		sums[name] = sum
	}
	return sums
}
