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
	"portreeve/fault"
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

// samplable reports whether rows of such a dataset can be shown at all.
func (h *datasetHead) samplable() bool {
	return h.Kind == catalog.Table || h.Kind == catalog.File || h.Kind == ""
}

// mayCommit reports whether such a dataset may tell of commits and files: what is not known of it is said to be unknown.
func (h *datasetHead) mayCommit() bool {
	return h.samplable() && len(h.Detail.Keys) == 0 && (h.SourceKind != "postgres" && h.SourceKind != "trino" || len(h.Snapshots) > 0)
}

// mayCount reports whether such a dataset has rows and a size.
func (h *datasetHead) mayCount() bool {
	return h.samplable() || h.Kind == catalog.Topic || h.RowCount != nil || h.ByteCount != nil
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
}

// knownAs lists the other names of the thing with what each contributes. columns are some of those that the page shows.
func (h *datasetHead) knownAs(columns []catalog.WholeColumn) []knownAs {
	all := make([]knownAs, 0, len(h.Others))
	for _, o := range h.Others {
		k, key := knownAs{Same: o}, o.Key()
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

// noSuchTab is the error of a part that datasets of this kind do not have.
func (h *datasetHead) noSuchTab(what string) error {
	return fault.NotFoundf("%s has no %s", h.Key(), what)
}
