package kafka

import "strings"

// wants reports whether the settings ask for a topic. Names that begin with __ count as Kafka's own.
func (s *settings) wants(name string, internal bool) bool {
	if (internal || strings.HasPrefix(name, "__")) && !s.internal {
		return false
	}
	return (len(s.include) == 0 || matchesAny(s.include, name)) && !matchesAny(s.exclude, name)
}

func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if matches(p, name) {
			return true
		}
	}
	return false
}

// matches reports whether name is pattern, in which * stands for any text.
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
