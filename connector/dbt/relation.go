package dbt

import (
	"strings"
	"unicode/utf8"
)

// Limits of what is told of foreign text, in bytes.
const (
	maxText    = 64 << 10
	maxCode    = 256 << 10
	maxShort   = 1000
	maxMessage = 500
)

// lowers and uppers are the adapters whose databases change the case of names that are not quoted.
var (
	lowers = map[string]bool{"postgres": true, "redshift": true, "materialize": true, "risingwave": true, "greenplum": true, "trino": true}
	uppers = map[string]bool{"snowflake": true, "oracle": true, "db2": true}
)

// relationName returns a relation's name as the database knows it, from dbt's spelling of it for an adapter:
// "dev"."main"."orders" is dev.main.orders. What is no name, such as a call of a function that reads files, is "".
func relationName(relation, adapter string) string {
	var parts []string
	for rest := strings.TrimSpace(relation); ; {
		part, after, quoted := relationPart(rest)
		if part == "" {
			return ""
		}
		switch {
		case adapter == "trino", !quoted && lowers[adapter]:
			part = strings.ToLower(part)
		case !quoted && uppers[adapter]:
			part = strings.ToUpper(part)
		}
		parts = append(parts, part)
		if after == "" {
			break
		}
		if rest = after[1:]; after[0] != '.' || len(parts) == 4 {
			return ""
		}
	}
	return plain(strings.Join(parts, "."))
}

// relationPart takes the first part off a relation; part is "" if it has none.
func relationPart(s string) (part, rest string, quoted bool) {
	if s == "" {
		return "", "", false
	}
	last, quoted := map[byte]byte{'"': '"', '`': '`', '[': ']'}[s[0]]
	if !quoted {
		end := strings.IndexByte(s, '.')
		if end < 0 {
			end = len(s)
		}
		if strings.ContainsAny(s[:end], "'\"`[]() \t\n,;") {
			return "", "", false
		}
		return s[:end], s[end:], false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != last {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == last {
			b.WriteByte(last)
			i++
			continue
		}
		return b.String(), s[i+1:], true
	}
	return "", "", true
}

// plain returns s as text that can be kept: no NUL, at most maxShort bytes.
func plain(s string) string { return bound(strings.ReplaceAll(s, "\x00", "\uFFFD"), maxShort) }

// short returns the beginning of s, for a line.
func short(s string) string { return bound(strings.TrimSpace(s), maxShort) }

// bound returns at most limit bytes of s, cut at the border of a character and marked.
func bound(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
