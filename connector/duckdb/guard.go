package duckdb

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// functions.txt lists what a statement may call, one name per line. It was made from duckdb_functions() and reviewed: a new
// engine version adds nothing by itself. See docs of each name there before adding one: it must not read files, settings,
// stored statistics or the catalog, take a table's name as a string, or have side effects.
//
//go:embed functions.txt
var functionList string

var functions = set(functionList)

// What may occur in the engine's tree of a statement. Anything that a later version invents is refused.
var (
	tableFunctions = set("generate_series json_each json_tree range unnest")
	classes        = set(`BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT DEFAULT FUNCTION LAMBDA LAMBDA_REF
		OPERATOR PARAMETER POSITIONAL_REFERENCE STAR SUBQUERY TYPE WINDOW`)
	kinds = set(`BASE_TABLE EMPTY EXPRESSION_LIST JOIN PIVOT SHOW_REF SUBQUERY TABLE_FUNCTION SELECT_NODE SET_OPERATION_NODE
		RECURSIVE_CTE_NODE CTE_NODE ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER DISTINCT_MODIFIER ORDER_DEFAULT ASCENDING DESCENDING`)
)

func set(words string) map[string]bool {
	s := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		s[w] = true
	}
	return s
}

// refusal is why a statement is not run, in words for the person who wrote it.
type refusal string

func (r refusal) Error() string { return string(r) }

// checkTree returns the tables that a statement reads, as written; tree is what json_serialize_sql made of it, with nulls,
// empty values and defaults skipped. It refuses all but one SELECT that calls listed functions only and reads views only.
func checkTree(tree []byte, views []view) ([][]string, error) {
	w, err := walkTree(tree, walker{views: views})
	return w.tables, err
}

// walkTree is checkTree by a walker.
func walkTree(tree []byte, w walker) (walker, error) {
	var parsed struct {
		Error      bool
		Type       string `json:"error_type"`
		Message    string `json:"error_message"`
		Position   string
		Statements []struct{ Node map[string]any }
	}
	if err := json.Unmarshal(tree, &parsed); err != nil {
		return w, refusal("this statement cannot be understood")
	}
	switch {
	case parsed.Error && parsed.Type == "not implemented":
		return w, refusal("only SELECT can be run here; a PIVOT needs its values: PIVOT … ON column IN (…)")
	case parsed.Error:
		return w, refusal(strings.TrimSpace(parsed.Message + " " + parsed.Position))
	case len(parsed.Statements) != 1:
		return w, refusal(fmt.Sprintf("one statement at a time, this is %d", len(parsed.Statements)))
	case parsed.Statements[0].Node == nil:
		return w, refusal("this statement cannot be understood")
	}
	err := w.walk(parsed.Statements[0].Node, nil)
	return w, err
}

type walker struct {
	views  []view
	any    bool // tables that are none are found too
	tables [][]string
	places []int // of these
}

// walk visits every value below n; ctes are the names of the common table expressions in scope.
func (w *walker) walk(n any, ctes []string) error {
	switch n := n.(type) {
	case []any:
		for _, child := range n {
			if err := w.walk(child, ctes); err != nil {
				return err
			}
		}
	case map[string]any:
		if n["is_null"] != nil && n["type"] != nil {
			return nil // a constant: its text is data, not a tree
		}
		return w.walkNode(n, ctes)
	}
	return nil
}

func (w *walker) walkNode(n map[string]any, ctes []string) error {
	ctes, err := w.walkCTEs(n, ctes)
	if err != nil {
		return err
	}
	if err := w.visit(n, ctes); err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(n)) {
		scope := ctes
		switch {
		case k == "cte_map":
			continue
		case k == "right" && str(n["type"]) == "RECURSIVE_CTE_NODE":
			scope = append(slices.Clip(ctes), strings.ToLower(str(n["cte_name"])))
		}
		if err := w.walk(n[k], scope); err != nil {
			return err
		}
	}
	return nil
}

// walkCTEs visits the common table expressions of n and returns the names in scope beside them. Each sees those before it;
// itself only in the second half of a recursive one. Anywhere else the engine takes its name for a table, or for a file.
func (w *walker) walkCTEs(n map[string]any, ctes []string) ([]string, error) {
	entries, _ := n["cte_map"].(map[string]any)
	for k := range entries {
		if k != "map" {
			return nil, refusal("this kind of WITH is not allowed")
		}
	}
	pairs, _ := entries["map"].([]any)
	for _, e := range pairs {
		pair, _ := e.(map[string]any)
		name := strings.ToLower(str(pair["key"]))
		if misleading(name) {
			return nil, refusal("please give this WITH another name: " + name)
		}
		if err := w.walk(pair["value"], ctes); err != nil {
			return nil, err
		}
		ctes = append(slices.Clip(ctes), name)
	}
	return ctes, nil
}

// misleading reports whether the engine would find a file or its own catalog under a name where it does not see the common
// table expression.
func misleading(name string) bool {
	return strings.ContainsAny(name, `./\:*?[`) || slices.ContainsFunc([]string{"duckdb_", "pg_", "pragma_", "sqlite_"}, func(p string) bool {
		return strings.HasPrefix(name, p)
	})
}

func (w *walker) visit(n map[string]any, ctes []string) error {
	class, kind, name := str(n["class"]), str(n["type"]), strings.ToLower(str(n["function_name"]))
	switch {
	case class != "" && !classes[class]:
		return refusal("this kind of expression is not allowed: " + class)
	case class != "" && name != "" && !functions[name] && !tableFunctions[name]:
		return refusal("this function is not allowed: " + name)
	case class != "" || strings.HasSuffix(kind, "_TYPE_INFO"):
	case kind != "" && !kinds[kind]:
		return refusal("this kind of clause is not allowed: " + kind)
	case kind == "BASE_TABLE":
		return w.table(n, ctes)
	case kind == "TABLE_FUNCTION":
		f, _ := n["function"].(map[string]any)
		if name := strings.ToLower(str(f["function_name"])); !tableFunctions[name] {
			return refusal("this table function is not allowed: " + name)
		}
	case kind == "SHOW_REF" && n["query"] == nil:
		return refusal("the list of tables is in the catalog")
	}
	return nil
}

func (w *walker) table(n map[string]any, ctes []string) error {
	if n["at_clause"] != nil {
		return refusal("AT is not supported")
	}
	var parts []string
	for _, k := range []string{"catalog_name", "schema_name", "table_name"} {
		if p := str(n[k]); p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) == 1 && slices.Contains(ctes, strings.ToLower(parts[0])) {
		return nil
	}
	place := -1
	if at, ok := n["query_location"].(float64); ok {
		place = int(at)
	}
	w.tables, w.places = append(w.tables, parts), append(w.places, place)
	if w.any {
		return nil
	}
	if len(parts) == 3 && strings.EqualFold(parts[0], "lake") {
		parts = parts[1:]
	}
	if !slices.ContainsFunc(w.views, func(v view) bool { return slices.EqualFunc(parts, []string{v.Schema, v.Name}, strings.EqualFold) }) {
		return refusal("no such table, or not yours to read: " + strings.Join(parts, "."))
	}
	return nil
}

func str(v any) string { s, _ := v.(string); return s }
