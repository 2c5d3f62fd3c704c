package web

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"portreeve/catalog"
)

// keysShown is how many keys and indexes of a table a page lists.
const keysShown = 200

// keyRow is a key of a table, with the dataset that it refers to where that is known.
type keyRow struct {
	catalog.TableKey
	Links []textPart // of References
}

// rule is what a check or an exclusion asks of the columns that it names, as the database writes it; of other keys it is "".
func (k keyRow) rule() string {
	if k.Kind == "check" || k.Kind == "exclusion" || k.Kind == "generated" || k.Kind == "default" {
		return k.Text
	}
	return ""
}

// keys returns the keys of h: the primary key first, indexes last.
func (s *Server) keys(ctx context.Context, h *datasetHead) ([]keyRow, error) {
	sorted := slices.Clone(h.Detail.Keys)
	slices.SortStableFunc(sorted, func(a, b catalog.TableKey) int {
		return cmp.Or(cmp.Compare(keyRank(a.Kind), keyRank(b.Kind)), cmp.Compare(a.Name, b.Name))
	})
	source := h.keeperOfKeys()
	var names []string
	for _, k := range sorted {
		if table := tableOf(k.References); table != "" {
			names = append(names, table)
		}
	}
	found, err := s.resolved(ctx, source, names)
	if err != nil {
		return nil, err
	}
	rows := make([]keyRow, 0, len(sorted))
	for _, k := range sorted {
		rows = append(rows, keyRow{k, linkReference(k.References, found)})
	}
	return rows, nil
}

// keeperOfKeys is the source whose dataset has the keys: references name datasets of it.
func (h *datasetHead) keeperOfKeys() string {
	for i := range h.Others {
		if o := &h.Others[i]; len(o.Detail.Keys) > 0 && slices.EqualFunc(o.Detail.Keys, h.Detail.Keys, func(a, b catalog.TableKey) bool { return a.Name == b.Name && a.Kind == b.Kind }) {
			return o.Source
		}
	}
	return h.Source
}

func keyRank(kind string) int {
	at := slices.Index([]string{"primary key", "foreign key", "unique", "check", "index"}, kind)
	if at < 0 {
		return 9
	}
	return at
}

// tableOf returns what stands before the columns of a reference; the name of a table may hold brackets of its own.
func tableOf(reference string) string {
	if i := strings.LastIndex(reference, " ("); i >= 0 {
		reference = reference[:i]
	}
	return strings.TrimSpace(reference)
}

// linkReference splits a reference into the table, which leads to its page, and the columns.
func linkReference(reference string, found map[string]catalog.Key) []textPart {
	if reference == "" {
		return nil
	}
	table := tableOf(reference)
	key, ok := found[table]
	if !ok || table == "" {
		return []textPart{{Text: reference}}
	}
	_, rest, _ := strings.Cut(reference, table)
	return []textPart{{table, datasetURL(key, "")}, {Text: rest}}
}
