package catalog

import "strings"

// MatchesAny reports whether name is one of the patterns, in which * stands for any text.
func MatchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if matches(p, name) {
			return true
		}
	}
	return false
}

func matches(pattern, name string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == name
	}
	if !strings.HasPrefix(name, first) {
		return false
	}
	name = name[len(first):]
	for {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(name, part)
		}
		at := strings.Index(name, part) // the earliest is never worse than a later one
		if at < 0 {
			return false
		}
		name, rest = name[at+len(part):], more
	}
}
