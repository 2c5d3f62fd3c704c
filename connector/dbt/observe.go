package dbt

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"portreeve/catalog"
	"portreeve/fault"
)

// Limits of lists that a page shows.
const (
	maxDepends = 1000
	maxMeta    = 50
	maxTags    = 200
)

// observer describes the nodes of one project.
type observer struct {
	x         *index
	namespace string // of the database that dbt builds in, "" when that is not said
	file      string // the manifest, as errors name it
}

// observe describes a node from its text, and from what catalog.json has of it if built is not nil.
func (o *observer) observe(name, nativeID string, e *entry, raw, built []byte) (catalog.Observation, error) {
	seen := catalog.Observation{Name: name}
	if e.Size < 0 {
		return seen, fault.Unavailablef(nil, "%s has more than %d MiB on %s", o.file, maxValue>>20, fault.Line(e.ID, maxShort))
	}
	n, wrong := decodeNode(raw)
	if wrong != "" {
		return seen, fault.Unavailablef(nil, "%s does not describe %s as dbt does: %s", o.file, fault.Line(e.ID, maxShort), fault.Line(wrong, maxMessage))
	}
	var b builtNode
	if built != nil && json.Unmarshal(built, &b) != nil {
		b = builtNode{} // it only adds
	}
	seen.NativeID, seen.Kind, seen.Standing = nativeID, catalog.Model, catalog.Describes
	if e.Resource == "exposure" {
		seen.Kind = catalog.Dashboard
	}
	seen.Title = short(string(n.Label))
	seen.Description = bound(cmp.Or(string(n.Description), string(b.Metadata.Comment)), maxText)
	seen.Tags = n.tags()
	seen.Deprecated = n.deprecated()
	seen.Definition = bound(cmp.Or(string(n.RawCode), string(n.RawSQL)), maxCode)
	seen.Columns = o.columns(n, &b)
	seen.RowCount, seen.ByteCount = b.stat("row_count", "num_rows", "rows"), b.stat("bytes", "num_bytes")
	if seen.RowCount != nil {
		seen.Estimated = append(seen.Estimated, "rows")
	}
	if seen.ByteCount != nil {
		seen.Estimated = append(seen.Estimated, "bytes")
	}
	seen.Detail.Model = o.model(e, n)
	seen.Team = o.owners(n, e, seen.Detail.Model)
	seen.Properties = o.properties(n, e)
	seen.Identifiers = o.identifiers(n, e)
	return seen, nil
}

func (n *node) tags() []string {
	var out []string
	for _, tag := range append(slices.Clone([]string(n.Tags)), n.Config.Tags...) {
		if tag = short(tag); tag != "" && !slices.Contains(out, tag) && len(out) < maxTags {
			out = append(out, tag)
		}
	}
	return out
}

func (n *node) deprecated() string {
	at, _, _ := strings.Cut(short(string(n.DeprecationDate)), "T")
	if at == "" {
		return ""
	}
	if n.LatestVersion != "" && n.LatestVersion != n.Version {
		return fmt.Sprintf("Its deprecation date is %s; the latest version is %s.", at, short(string(n.LatestVersion)))
	}
	return fmt.Sprintf("Its deprecation date is %s.", at)
}

func (o *observer) model(e *entry, n *node) *catalog.ModelDetail {
	m := &catalog.ModelDetail{
		Resource:     e.Resource,
		UniqueID:     short(e.ID),
		Package:      e.Package,
		Path:         short(string(n.File)),
		Materialized: short(string(n.Config.Materialized)),
		Relation:     short(string(n.Relation)),
		Adapter:      short(string(o.x.Metadata.Adapter)),
		Tests:        o.x.testsShown(e.ID),
		URL:          link(string(n.URL)),
		Maturity:     short(string(n.Maturity)),
		GeneratedAt:  moment(o.x.Metadata.GeneratedAt),
	}
	for _, id := range n.DependsOn.Nodes {
		if id = short(id); !slices.Contains(m.DependsOn, id) && len(m.DependsOn) < maxDepends {
			m.DependsOn = append(m.DependsOn, id)
		}
	}
	if r, ran := o.x.Results[e.ID]; ran {
		m.Run = &catalog.ModelRun{Status: r.Status, Seconds: r.Seconds, Rows: r.Rows, Message: r.Message, At: r.At}
	}
	return m
}

// link returns a web address, and "" for anything that a page must not link to.
func link(url string) string {
	url = strings.TrimSpace(url)
	if lower := strings.ToLower(url); len(url) > maxShort || !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "http://") {
		return ""
	}
	return url
}

// owners fills in who answers for a node and returns the team: the group of a model, else the meta field "owner" of it, else
// the owner of an exposure. An address is no team.
func (o *observer) owners(n *node, e *entry, m *catalog.ModelDetail) string {
	var meta owner
	for _, list := range []members{n.Meta, n.Config.Meta} {
		for _, field := range list {
			if field.key == "owner" && meta == (owner{}) {
				_ = meta.UnmarshalJSON(field.value)
			}
		}
	}
	var g group
	if name := cmp.Or(string(n.Group), string(n.Config.Group)); name != "" {
		g = o.x.Groups["group."+e.Package+"."+name]
		g.Name = name
	}
	m.OwnerName = short(cmp.Or(g.OwnerName, meta.Name, n.Owner.Name))
	m.OwnerEmail = short(cmp.Or(g.OwnerEmail, meta.Email, n.Owner.Email))
	return short(cmp.Or(g.Name, meta.Name, n.Owner.Name))
}

func (o *observer) properties(n *node, e *entry) map[string]string {
	p := map[string]string{}
	set := func(key, value string) {
		if value = short(value); value != "" {
			p[key] = value
		}
	}
	set("access", cmp.Or(string(n.Access), string(n.Config.Access)))
	set("group", cmp.Or(string(n.Group), string(n.Config.Group)))
	set("version", string(n.Version))
	set("latest version", string(n.LatestVersion))
	set("loader", string(n.Loader))
	if n.Language != "sql" {
		set("language", string(n.Language))
	}
	if n.Contract.Enforced == "true" || n.Config.Contract.Enforced == "true" {
		set("contract", "enforced")
	}
	if e.Resource == "exposure" {
		set("exposure type", string(n.Type))
	}
	f := o.x.Fresh[e.ID]
	set("source freshness", f.Status)
	set("last loaded", f.MaxLoadedAt)
	set("freshness checked", f.CheckedAt)
	if _, version := o.x.Metadata.artifact(); version > newestManifest {
		set("dbt manifest", fmt.Sprintf("v%d, newer than v%d, the newest that is known here: something may be missing", version, newestManifest))
	}
	for i, m := range slices.Concat(n.Meta, n.Config.Meta) {
		var t text
		if _ = t.UnmarshalJSON(m.value); i < maxMeta && m.key != "owner" && catalog.Showable(m.key) {
			set("meta."+short(m.key), catalog.WithoutUserinfo(string(t)))
		}
	}
	return p
}

// identifiers returns the table that a node builds or reads, as its database is known.
func (o *observer) identifiers(n *node, e *entry) []catalog.Identifier {
	name := relationName(string(n.Relation), string(o.x.Metadata.Adapter))
	if o.namespace == "" || name == "" || n.Config.Materialized == "ephemeral" {
		return nil
	}
	rule := "dbt builds it"
	if e.Resource == "source" {
		rule = "dbt reads it as a source"
	}
	return []catalog.Identifier{{Namespace: o.namespace, Name: name, Rule: rule}}
}
