package web

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
)

// cameFrom is the parameter by which a page learns under which other name it was asked for.
const cameFrom = "from"

// whole returns all that is known of what key names, whichever of its names that is, or NotFound with the names that may have
// been meant. d is the dataset of exactly that name.
func (s *Server) whole(ctx context.Context, key catalog.Key) (d catalog.Dataset, w catalog.Whole, err error) {
	if d, err = s.Catalog.Dataset(ctx, key); err != nil {
		return d, w, s.missing(ctx, key, err)
	}
	w, err = s.Catalog.Whole(ctx, d)
	return d, w, err
}

// ledTo leads to the same tab of the page that shows what was asked for, with the rest of the address.
func ledTo(c echo.Context, to catalog.Key, tab string, from *catalog.Dataset) error {
	values := url.Values{}
	maps.Copy(values, c.QueryParams())
	values.Del(cameFrom)
	if from != nil {
		values.Set(cameFrom, from.Key().String())
	}
	u := datasetURL(to, tab)
	if len(values) > 0 {
		u += "?" + values.Encode()
	}
	return c.Redirect(http.StatusFound, u)
}

// arrival says that the page was asked for under another name, if it is one of the names of w.
func arrival(w *catalog.Whole, from string) string {
	for i := range w.Others {
		if o := &w.Others[i]; from != "" && o.Key().String() == from {
			return "You came from " + cut(from, 200) + ": the same thing, and this is its page."
		}
	}
	return ""
}

// whose names a dataset in a sentence: its source and its name there.
func whose(k catalog.Key) string { return k.Source + " " + cut(k.Name, 200) }

// fromOf says whom a field was taken from, "from dbt shop.orders", or "" when it is the dataset's own.
func (h *datasetHead) fromOf(field string) string {
	if key, ok := h.From[field]; ok {
		return "from " + whose(key)
	}
	return ""
}

// observedIn says where a field was seen.
func (h *datasetHead) observedIn(field string) string {
	if key, ok := h.From[field]; ok {
		return whose(key)
	}
	return h.Source
}

func (h *datasetHead) estimated(what string) bool { return slices.Contains(h.Estimated, what) }

// estimator is who estimates a figure: the kind of the source, as people say it, or the other source that it was taken from.
func (h *datasetHead) estimator(what string) string {
	if key, ok := h.From[what]; ok {
		return key.Source
	}
	return upperFirst(h.SourceKind)
}

// about writes "about" before the text of a figure that the source only estimates.
func (h *datasetHead) about(what, text string) string {
	if h.estimated(what) && text != unknown {
		return "about " + text
	}
	return text
}

// rowWord is what a row of the dataset is called.
func (h *datasetHead) rowWord(n int64) string {
	one, many := "row", "rows"
	if h.Kind == catalog.Topic {
		one, many = "message", "messages"
	}
	if n == 1 {
		return one
	}
	return many
}

// rowsIn writes how many rows a dataset in a list has, which must be known: "about 1.2 M rows".
func rowsIn(d *catalog.Dataset) string {
	h := datasetHead{Whole: catalog.Whole{Dataset: *d}}
	return h.about("rows", short(*d.RowCount)) + " " + h.rowWord(*d.RowCount)
}

// tabular reports whether such a dataset is rows in files or tables, wherever they are.
func (h *datasetHead) tabular() bool {
	return h.Kind == catalog.Table || h.Kind == catalog.File || h.Kind == ""
}

// rowsRead lists the kinds of sources of which rows can be read: those whose connectors say which files a table is made of.
var rowsRead = []string{"", "iceberg"} // "": not known

// samplable reports whether rows of such a dataset can be shown at all.
func (h *datasetHead) samplable() bool { return h.tabular() && slices.Contains(rowsRead, h.SourceKind) }

// unread names what is not read of a dataset that is not samplable: "rows of shop", "a topic".
func (h *datasetHead) unread() string {
	if h.tabular() {
		return "rows of " + h.Source
	}
	return "rows of a " + string(h.Kind)
}

// mayCommit reports whether such a dataset may tell of commits and files: what is not known of it is said to be unknown.
func (h *datasetHead) mayCommit() bool {
	return h.tabular() && len(h.Detail.Keys) == 0 && (h.SourceKind != "postgres" && h.SourceKind != "trino" || len(h.Snapshots) > 0)
}

// mayCount reports whether such a dataset has rows and a size.
func (h *datasetHead) mayCount() bool {
	return h.tabular() || h.Kind == catalog.Topic || h.RowCount != nil || h.ByteCount != nil
}

// alsoIn names the other sources that know it.
func (h *datasetHead) alsoIn() string {
	var sources []string
	for i := range h.Others {
		if !slices.Contains(sources, h.Others[i].Source) {
			sources = append(sources, h.Others[i].Source)
		}
	}
	if len(sources) > 4 {
		return strings.Join(sources[:3], ", ") + " and " + number(int64(len(sources)-3)) + " more"
	}
	return strings.Join(sources, ", ")
}

// knownAs is another name of the thing, as Overview lists it.
type knownAs struct {
	catalog.Same
	Gives []string // what of the page comes from it
	Why   string   // MainRule, with sources in place of their addresses
	URL   string   // the part of the page that it is on, or ""
}

// evidenceShown is how long an identifier may be that is shown whole.
const evidenceShown = 60

// evidence is the end of the identifier that both names have, or the whole of a short one.
func (k knownAs) evidence() (text string, whole bool) {
	r := []rune(k.MainEvidence)
	if len(r) <= evidenceShown {
		return k.MainEvidence, true
	}
	end := string(r[len(r)-evidenceShown:])
	if i := strings.IndexByte(end, '/'); i >= 0 && i < evidenceShown/2 {
		end = end[i:]
	}
	return "…" + end, false
}

// explain writes the rules by which names are the same thing with the slugs of sources where they name their addresses.
func (s *Server) explain(ctx context.Context, all []knownAs) error {
	if !slices.ContainsFunc(all, func(k knownAs) bool { return strings.Contains(k.Why, "://") }) {
		return nil
	}
	sources, err := s.Catalog.Sources(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		all[i].Why = withSlugs(all[i].Why, sources)
	}
	return nil
}

// withSlugs replaces the address of a source that ends a rule by its slug; an address that no source has is cut.
func withSlugs(rule string, sources []catalog.SourceStatus) string {
	before, _, found := strings.Cut(rule, "://")
	if !found {
		return rule
	}
	from := strings.LastIndexByte(before, ' ') + 1
	address, rest, _ := strings.Cut(rule[from:], " ")
	for j := range sources {
		if src := &sources[j]; src.Namespace == address || slices.Contains(src.Aliases, address) {
			return strings.TrimSpace(rule[:from] + "the source " + src.Slug + " " + rest)
		}
	}
	return strings.TrimSpace(rule[:from] + cut(address, 40) + " " + rest)
}

// tabOf is the tab of the page that a name of the thing is on, or "".
func (h *datasetHead) tabOf(o *catalog.Same) string {
	switch {
	case o.Detail.Schema != nil:
		return datasetURL(h.Key(), "schemas") + "?" + formQuery("subject", o.Detail.Schema.Subject)
	case o.Detail.Model != nil:
		return datasetURL(h.Key(), "dbt")
	}
	return ""
}

// knownAs lists the other names of the thing with what each contributes. columns are some of those that the page shows.
func (h *datasetHead) knownAs(columns []catalog.WholeColumn) []knownAs {
	all := make([]knownAs, 0, len(h.Others))
	for _, o := range h.Others {
		k, key := knownAs{Same: o, Why: o.MainRule, URL: h.tabOf(&o)}, o.Key()
		for _, field := range slices.Sorted(maps.Keys(h.From)) {
			if h.From[field] == key {
				k.Gives = append(k.Gives, fieldWord(field))
			}
		}
		if slices.ContainsFunc(columns, func(c catalog.WholeColumn) bool { return c.From == key }) {
			k.Gives = append(k.Gives, "columns")
		}
		if slices.ContainsFunc(columns, func(c catalog.WholeColumn) bool { return c.CommentFrom == key && c.From != key }) {
			k.Gives = append(k.Gives, "descriptions of columns")
		}
		k.Gives = append(k.Gives, detailWords(&o)...)
		all = append(all, k)
	}
	return all
}

// detailWords says what a dataset has that only its kind has.
func detailWords(o *catalog.Same) (words []string) {
	if d := o.Detail.Schema; d != nil {
		words = append(words, plural(len(d.Versions), "schema version", "schema versions"))
	}
	if d := o.Detail.Topic; d != nil {
		words = append(words, plural(len(d.Partitions), "partition", "partitions"), plural(len(d.Groups), "consumer group", "consumer groups"))
	}
	if d := o.Detail.Model; d != nil {
		if n := len(d.Tests); n > 0 {
			words = append(words, plural(n, "test", "tests"))
		}
		words = append(words, "dbt "+d.Resource)
	}
	if n := len(o.Detail.Keys); n > 0 {
		words = append(words, plural(n, "key", "keys"))
	}
	return words
}

// fieldWord is how a page calls a field that was taken.
func fieldWord(field string) string {
	switch field {
	case "data_at":
		return "when the data changed"
	case "bytes":
		return "size"
	}
	return strings.ReplaceAll(field, "_", " ")
}

// partWord says which part of the thing a name is about.
func partWord(part string) string {
	switch part {
	case "key":
		return "its key"
	case "value":
		return "its value"
	}
	return "all of it"
}

// resolved returns which of names are datasets of source; what is no name of one is missing.
func (s *Server) resolved(ctx context.Context, source string, names []string) (map[string]catalog.Key, error) {
	return s.Catalog.Named(ctx, source, names[:min(len(names), namesResolved)])
}

// noSuchTab leads from a part that this dataset does not have to its overview, which says so.
func noSuchTab(c echo.Context, h *datasetHead) error {
	return c.Redirect(http.StatusSeeOther, datasetURL(h.Key(), "")+"?"+formQuery(noSuchPart, h.Tab))
}

// tabTitles are how tabs are called, by their names in addresses.
var tabTitles = map[string]string{
	"": "Overview", "partitions": "Partitions", "consumers": "Consumers", "schemas": "Schemas", "columns": "Columns",
	"definition": "Definition", "dbt": "dbt", "history": "History", "sample": "Sample",
}

// tabOwners says what has the tabs that not every dataset has.
var tabOwners = map[string]string{
	"partitions": "they belong to topics", "consumers": "they belong to topics", "schemas": "no schema registry knows it",
	"definition": "views and models have one", "dbt": "no dbt project knows it",
}

// withoutTab says that the address asked for a part that the dataset does not have, or is "".
func (h *datasetHead) withoutTab(part string) string {
	if owner, ok := tabOwners[part]; ok && h.Tab == "" {
		return "This " + string(h.Kind) + " has no tab " + tabTitles[part] + " (" + owner + "). This is its overview."
	}
	return ""
}
