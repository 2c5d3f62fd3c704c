package estate

// Nearest returns the name that differs least from name, if few changes lead to it, else "".
func Nearest(name string, names []string) string {
	if len(name) > 100 { // nobody meant that
		return ""
	}
	best, least := "", len(name)/4+2
	for _, n := range names {
		if d := distance(name, n); d < least && d < max(len(name), len(n)) {
			best, least = n, d
		}
	}
	return best
}

// distance is the number of insertions, deletions and replacements that turn a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// meant returns the words that lead from a wrong name to the one that was probably meant.
func meant(name string, names []string) string {
	if near := Nearest(name, names); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}
