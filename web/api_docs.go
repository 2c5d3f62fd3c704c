package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
)

// docsPath is where the API is described for people. It is a page: it knows who is signed in and how they like pages.
const docsPath = "/api/docs"

// docsRoute returns the route of that page.
func (s *Server) docsRoute() route {
	spec := s.endpoints().huma.OpenAPI()
	sections := docSections(spec)
	return route{http.MethodGet, docsPath, public, func(c echo.Context) error {
		sh := s.shell(c, "", "API", crumb{Text: "API"})
		return render(c, http.StatusOK, apiDocsPage(sh, spec.Info, s.BaseURL, sections))
	}}
}

// openAPI adds the description of the API for programs. It comes last: it describes what is there.
func (e *endpoints) openAPI() {
	spec := e.huma.OpenAPI()
	schemas := spec.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own errors, in place of which we send problems
	delete(schemas, "ErrorDetail")
	text, err := json.Marshal(spec)
	if err != nil {
		panic(err) // a schema that cannot be written is a mistake in this package
	}
	e.router.add(route{http.MethodGet, "/api/openapi.json", public, func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-cache")
		return c.Blob(http.StatusOK, "application/json", text)
	}})
}

// docSection is the operations under one tag.
type docSection struct {
	name string
	ops  []docOperation
}

// docOperation is an operation as the page of the API shows it.
type docOperation struct {
	id, method, path, summary, text string
	params                          []docField
	body                            []docField
	status                          string
	answer                          []docField
}

// docField is a parameter, or a field of a body: nested ones have dotted names.
type docField struct {
	name, in, kind, text string
	required             bool
}

// docSections arranges the operations of spec by tag, then path.
func docSections(spec *huma.OpenAPI) []docSection {
	var sections []docSection
	for _, tag := range spec.Tags {
		section := docSection{name: tag.Name}
		for path, item := range spec.Paths {
			for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
				if op != nil && slices.Contains(op.Tags, tag.Name) {
					section.ops = append(section.ops, docOp(spec, path, op))
				}
			}
		}
		slices.SortFunc(section.ops, func(a, b docOperation) int {
			return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method))
		})
		sections = append(sections, section)
	}
	return sections
}

func docOp(spec *huma.OpenAPI, path string, op *huma.Operation) docOperation {
	d := docOperation{id: op.OperationID, method: op.Method, path: path, summary: op.Summary, text: op.Description}
	for _, p := range op.Parameters {
		d.params = append(d.params, docField{p.Name, p.In, kindOf(p.Schema), cmp.Or(p.Description, p.Schema.Description), p.Required})
	}
	if op.RequestBody != nil {
		for _, media := range op.RequestBody.Content {
			d.body = docFields(spec, media.Schema, "", 0)
		}
	}
	for status, r := range op.Responses {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		d.status = status
		for _, media := range r.Content {
			d.answer = docFields(spec, media.Schema, "", 0)
		}
	}
	return d
}

// maxDocDepth is how deep the page shows bodies that hold bodies.
const maxDocDepth = 4

// docFields lists the fields of a schema and of the schemas in it.
func docFields(spec *huma.OpenAPI, schema *huma.Schema, prefix string, depth int) []docField {
	schema = resolve(spec, schema)
	if schema == nil || depth > maxDocDepth {
		return nil
	}
	if schema.Type == "array" {
		return docFields(spec, schema.Items, prefix+"[]", depth)
	}
	names := make([]string, 0, len(schema.Properties))
	for name := range schema.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	var fields []docField
	for _, name := range names {
		field := schema.Properties[name]
		full := strings.TrimPrefix(prefix+"."+name, ".")
		fields = append(fields, docField{full, "", kindOf(resolve(spec, field)), field.Description, slices.Contains(schema.Required, name)})
		fields = append(fields, docFields(spec, field, full, depth+1)...)
	}
	return fields
}

// resolve follows a reference to a schema.
func resolve(spec *huma.OpenAPI, schema *huma.Schema) *huma.Schema {
	if schema != nil && schema.Ref != "" {
		return spec.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}

// kindOf says in a few words what a schema takes.
func kindOf(schema *huma.Schema) string {
	if schema == nil {
		return ""
	}
	kind := schema.Type
	if schema.Format != "" && schema.Type == "string" {
		kind = schema.Format
	}
	if schema.Type == "array" && schema.Items != nil {
		kind = "list of " + cmp.Or(schema.Items.Type, "objects")
	}
	if len(schema.Enum) > 0 {
		values := make([]string, len(schema.Enum))
		for i, v := range schema.Enum {
			values[i], _ = v.(string)
		}
		kind = strings.Join(values, ", ")
	}
	return kind
}
