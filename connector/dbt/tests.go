package dbt

import (
	"slices"
	"strings"

	"portreeve/catalog"
)

// Limits of what is kept of tests.
const (
	maxTargets = 50   // nodes that one test is shown at
	maxTests   = 1000 // tests of one node
)

// testNode is a test as manifests have it. Which fields there are depends on the version of dbt.
type testNode struct {
	Name     text `json:"name"`
	Metadata *struct {
		Name      text `json:"name"`
		Namespace text `json:"namespace"`
		Kwargs    struct {
			Column text `json:"column_name"`
			Model  text `json:"model"` // "{{ get_where_subquery(ref('orders')) }}"
		} `json:"kwargs"`
	} `json:"test_metadata"` // of tests that are no query of their own
	Column    text `json:"column_name"`
	Attached  text `json:"attached_node"` // since v9, not for tests of sources
	FileKey   text `json:"file_key_name"` // "models.orders"
	DependsOn struct {
		Nodes texts `json:"nodes"`
	} `json:"depends_on"`
	Severity text `json:"severity"`
	Config   struct {
		Severity text `json:"severity"`
	} `json:"config"`
}

func (w *walk) test(id, resource string) error {
	var n testNode
	at, err := w.decode(&n)
	if err != nil {
		return err
	}
	t := test{ID: id, Name: short(string(n.Name)), Targets: n.targets(), Sum: at.Sum}
	if t.Name == "" {
		t.Name = short(id)
	}
	severity := n.Config.Severity
	if severity == "" {
		severity = n.Severity
	}
	t.Severity, t.Column = strings.ToLower(short(string(severity))), short(string(n.Column))
	switch {
	case resource == "unit_test":
		t.Kind = "unit test"
	case n.Metadata != nil:
		t.Kind = short(strings.TrimPrefix(string(n.Metadata.Namespace)+"."+string(n.Metadata.Name), "."))
		if t.Column == "" {
			t.Column = short(string(n.Metadata.Kwargs.Column))
		}
	}
	if known, again := w.x.known[id]; again && known.test {
		w.x.Tests[known.at] = t
		return nil
	}
	w.x.known[id] = position{test: true, at: len(w.x.Tests)}
	w.x.Tests = append(w.x.Tests, t)
	return w.keep(append(t.Targets, t.ID, t.ID, t.Name, t.Column)...)
}

// targets returns the nodes that a test is about. A generic test is about the one that it is written at, though it may read
// others; a query of its own is about all that it reads.
func (n *testNode) targets() []string {
	if n.Attached != "" {
		return []string{string(n.Attached)}
	}
	nodes := n.DependsOn.Nodes
	if n.Metadata != nil {
		for _, id := range nodes {
			if model := string(n.Metadata.Kwargs.Model); quotes(model, refName(id)) {
				return []string{id}
			}
		}
		_, written, _ := strings.Cut(string(n.FileKey), ".")
		for _, id := range nodes {
			if written != "" && refName(id) == written {
				return []string{id}
			}
		}
	}
	nodes = slices.Clone(nodes[:min(len(nodes), maxTargets)])
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// refName returns the name by which ref and source know a node: orders of model.shop.orders.v2.
func refName(id string) string {
	parts := strings.SplitN(id, ".", 3)
	name := parts[len(parts)-1]
	if parts[0] == "source" {
		_, name, _ = strings.Cut(name, ".")
		return name
	}
	if before, version, found := cutLast(name, ".v"); found && version != "" && !strings.Contains(version, ".") {
		return before
	}
	return name
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// quotes reports whether code has name in quotes.
func quotes(code, name string) bool {
	return name != "" && (strings.Contains(code, "'"+name+"'") || strings.Contains(code, `"`+name+`"`))
}

// testsShown returns the tests of a node and how they went: those that did not pass first.
func (x *index) testsShown(id string) []catalog.ModelTest {
	tests := x.testsOf(id)
	out := make([]catalog.ModelTest, len(tests))
	for i, t := range tests {
		r := x.Results[t.ID]
		out[i] = catalog.ModelTest{
			Name: t.Name, Kind: t.Kind, Column: t.Column, Severity: t.Severity,
			Status: r.Status, Failures: r.Failures, Message: r.Message, RanAt: r.At,
		}
	}
	slices.SortStableFunc(out, func(a, b catalog.ModelTest) int { return urgency(a.Status) - urgency(b.Status) })
	return out[:min(len(out), maxTests)]
}

func urgency(status string) int {
	switch status {
	case "error", "runtime error":
		return 0
	case "fail":
		return 1
	case "warn":
		return 2
	case "pass", "success":
		return 4
	}
	return 3 // skipped, or never run
}
