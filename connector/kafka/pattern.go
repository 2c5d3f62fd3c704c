package kafka

import (
	"strings"

	"portreeve/catalog"
)

// wants reports whether the settings ask for a topic. Names that begin with __ count as Kafka's own.
func (s *settings) wants(name string, internal bool) bool {
	if (internal || strings.HasPrefix(name, "__")) && !s.internal {
		return false
	}
	return (len(s.include) == 0 || catalog.MatchesAny(s.include, name)) && !catalog.MatchesAny(s.exclude, name)
}
