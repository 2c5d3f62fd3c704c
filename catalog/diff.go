package catalog

import (
	"slices"
	"sort"
	"strings"
)

// maxChangeText is the most bytes of an old or new value that history keeps.
const maxChangeText = 4000

// diffColumns says how the columns of a dataset changed. A column with the same native id is the same column, whatever its
// name; without native ids the path decides. A field whose struct was renamed has not changed itself.
func diffColumns(old, now []Column) []Change {
	pairs, removed, added := matchColumns(old, now)
	var changes []Change
	for _, c := range removed {
		changes = append(changes, Change{Kind: ColumnRemoved, Field: c.Path, Old: c.Type})
	}
	for _, c := range added {
		changes = append(changes, Change{Kind: ColumnAdded, Field: c.Path, New: c.Type})
	}
	for _, p := range pairs {
		changes = append(changes, diffColumn(p.old, p.now)...)
	}
	for _, c := range moved(pairs) {
		changes = append(changes, Change{Kind: ColumnMoved, Field: c.Path})
	}
	return changes
}

type columnPair struct{ old, now Column }

func matchColumns(old, now []Column) (pairs []columnPair, removed, added []Column) {
	byID, byPath := map[string]int{}, map[string]int{}
	for i, c := range old {
		if c.NativeID != "" {
			byID[c.NativeID] = i
		}
		byPath[c.Path] = i
	}
	met := make([]bool, len(old))
	for _, c := range now {
		i, ok := byID[c.NativeID]
		if !ok {
			i, ok = byPath[c.Path]
			ok = ok && (c.NativeID == "" || old[i].NativeID == "") // two ids: dropped and made anew
		}
		if !ok || met[i] {
			added = append(added, c)
			continue
		}
		met[i] = true
		pairs = append(pairs, columnPair{old[i], c})
	}
	for i, c := range old {
		if !met[i] {
			removed = append(removed, c)
		}
	}
	return pairs, removed, added
}

func diffColumn(old, now Column) (changes []Change) {
	if old.Leaf() != now.Leaf() {
		changes = append(changes, Change{Kind: ColumnRenamed, Field: now.Path, Old: old.Path, New: now.Path})
	}
	if old.Type != now.Type {
		changes = append(changes, Change{Kind: ColumnRetyped, Field: now.Path, Old: old.Type, New: now.Type})
	}
	if old.Nullable != now.Nullable {
		changes = append(changes, Change{Kind: ColumnNullable, Field: now.Path, Old: nullability(old), New: nullability(now)})
	}
	if old.Comment != now.Comment {
		changes = append(changes, Change{Kind: ColumnComment, Field: now.Path, Old: old.Comment, New: now.Comment})
	}
	return changes
}

func nullability(c Column) string {
	if c.Nullable {
		return "nullable"
	}
	return "required"
}

// moved returns the columns that left the order of the others: those outside a longest run that is still ascending.
func moved(pairs []columnPair) []Column {
	tails := []int{} // indexes into pairs; tails[k] ends the run of length k+1 whose last position is smallest
	before := make([]int, len(pairs))
	for i, p := range pairs {
		k := sort.Search(len(tails), func(k int) bool { return pairs[tails[k]].old.Position >= p.old.Position })
		before[i] = -1
		if k > 0 {
			before[i] = tails[k-1]
		}
		if k == len(tails) {
			tails = append(tails, i)
		} else {
			tails[k] = i
		}
	}
	kept := make([]bool, len(pairs))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = before[i] {
			kept[i] = true
		}
	}
	var out []Column
	for i, p := range pairs {
		if !kept[i] {
			out = append(out, p.now)
		}
	}
	return out
}

// diffAttributes says how the description of a dataset changed. Counts, sizes and commits are data, not description.
func diffAttributes(old *Dataset, now *Observation) (changes []Change) {
	edit := func(field, before, after string) {
		if before != after {
			changes = append(changes, Change{Kind: AttributeEdited, Field: field, Old: before, New: after})
		}
	}
	edit("kind", string(old.Kind), string(now.Kind))
	edit("title", old.Title, now.Title)
	edit("description", old.Description, now.Description)
	edit("team", old.Team, now.Team)
	edit("domain", old.Domain, now.Domain)
	edit("tags", strings.Join(old.Tags, ", "), strings.Join(now.Tags, ", "))
	edit("certified", yesNo(old.Certified), yesNo(now.Certified))
	edit("deprecated", old.Deprecated, now.Deprecated)
	edit("location", old.Location, now.Location)
	edit("format", old.Format, now.Format)
	edit("partitioning", strings.Join(old.Partitioning, ", "), strings.Join(now.Partitioning, ", "))
	edit("definition", old.Definition, now.Definition)
	edit("sort order", strings.Join(old.SortOrder, ", "), strings.Join(now.SortOrder, ", "))
	return changes
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// bounded returns the changes with their texts cut to what history keeps.
func bounded(changes []Change) []Change {
	out := slices.Clone(changes)
	for i := range out {
		out[i].Old, out[i].New = cutText(out[i].Old, maxChangeText), cutText(out[i].New, maxChangeText)
	}
	return out
}
