package web

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
)

// spec is what the tests look at of the OpenAPI document.
type spec struct {
	OpenAPI    string `json:"openapi"`
	Paths      map[string]map[string]operation
	Components struct {
		Schemas         map[string]schema
		SecuritySchemes map[string]any
	}
}

type operation struct {
	OperationID string `json:"operationId"`
	Summary     string
	Security    []map[string][]string
	Parameters  []struct{ Name, In string }
	Responses   map[string]struct {
		Content map[string]struct{ Schema json.RawMessage }
	}
}

type schema struct {
	Type       any
	Properties map[string]json.RawMessage
	Required   []string
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	s := get[spec](st, 200, "/api/openapi.json")
	if s.OpenAPI != "3.1.0" || s.Components.SecuritySchemes["token"] == nil {
		t.Errorf("openapi %q, security %v", s.OpenAPI, s.Components.SecuritySchemes)
	}
	described, ids := map[string]string{}, map[string]bool{}
	for path, methods := range s.Paths {
		for method, op := range methods {
			route := strings.ToUpper(method) + " " + strings.NewReplacer("{", ":", "}", "").Replace(path)
			described[route] = strings.Join(op.Security[0]["token"], " ")
			if op.Summary == "" || ids[op.OperationID] {
				t.Errorf("%s has the summary %q and the id %q", route, op.Summary, op.OperationID)
			}
			ids[op.OperationID] = true
			if _, ok := op.Responses["default"].Content["application/problem+json"]; !ok {
				t.Errorf("%s does not tell its errors", route)
			}
			if n := strings.Count(path, "{"); n > 0 {
				for _, p := range op.Parameters {
					if p.In == "path" {
						n--
					}
				}
				if n != 0 {
					t.Errorf("%s does not describe its path: %+v", route, op.Parameters)
				}
			}
		}
	}
	served := map[string]string{}
	r := st.api()
	for _, rt := range r.echo.Routes() {
		if strings.HasPrefix(rt.Path, apiRoot) {
			served[rt.Method+" "+rt.Path] = r.policies[rt.Method+" "+rt.Path].scope
		}
	}
	if diff := cmp.Diff(served, described); diff != "" {
		t.Errorf("routes and the scopes they need (-served +described):\n%s", diff)
	}
}

func TestOpenAPISchemas(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	text, err := io.ReadAll(st.ask("GET", "/api/openapi.json").Body)
	if err != nil {
		t.Fatal(err)
	}
	var s spec
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for _, ref := range regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		if _, ok := s.Components.Schemas[ref[1]]; !ok {
			t.Errorf("the schema %s is used and not there", ref[1])
		}
	}
	snake := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	for name, sc := range s.Components.Schemas {
		for key := range sc.Properties {
			if !snake.MatchString(key) {
				t.Errorf("%s has the key %q", name, key)
			}
		}
	}
	want := []string{"source", "name", "row_count", "problem", "gone_at"}
	dataset := s.Components.Schemas["DatasetAnswer"]
	for _, key := range want {
		if _, ok := dataset.Properties[key]; !ok {
			t.Errorf("the schema of a dataset has no %s: %v", key, dataset)
		}
	}
	if sc := s.Components.Schemas["Problem"]; sc.Properties["request_id"] == nil || sc.Properties["errors"] == nil {
		t.Errorf("the schema of problems is %v", sc)
	}
}

func TestAPIDocs(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	res := st.ask("GET", "/api/docs")
	doc := html(t, res)
	if doc.Find(`.top a[href="/login?back=%2Fapi%2Fdocs"]`).Length() != 1 {
		t.Error("the page is not one of the portal's: it offers no sign-in that leads back")
	}
	for _, step := range []string{"portreeve token create --user", `curl -H "Authorization: Bearer $TOKEN" 'https://data.example.com/api/v1/search`} {
		if !strings.Contains(doc.Find("main pre").Text(), step) {
			t.Errorf("the page does not say %s", step)
		}
	}
	paths := get[spec](st, 200, "/api/openapi.json").Paths
	shown := doc.Find("main article").Length()
	ops := 0
	for _, methods := range paths {
		ops += len(methods)
	}
	if shown != ops || ops == 0 {
		t.Errorf("%d of %d operations are shown", shown, ops)
	}
	if text := doc.Find("#start-crawl").Text(); !strings.Contains(text, "POST /api/v1/crawls") || !strings.Contains(text, "scope write") || !strings.Contains(text, "source") {
		t.Errorf("starting a crawl is described as %s", text)
	}
	if doc.Find("[style], script:not([src]), [onclick]").Length() > 0 {
		t.Error("the page has what its content policy forbids")
	}
	doc.Find("[src], link[href]").Each(func(_ int, s *goquery.Selection) {
		for _, name := range []string{"src", "href"} {
			if v, ok := s.Attr(name); ok && !strings.HasPrefix(v, "/assets/") {
				t.Errorf("the page loads %s", v)
			}
		}
	})
}
