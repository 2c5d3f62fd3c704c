package catalog

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// MaxProperties is how many properties of a dataset are shown.
const MaxProperties = 500

// Parts of names, without separators, whose values may be secrets; and whole words, which are too short to look for inside others.
var (
	hiddenParts = []string{
		"secret", "passw", "passphrase", "pwd", "token", "credential", "private", "accesskey", "apikey", "accountkey", "sharedkey",
		"sessionkey", "signingkey", "masterkey", "encryptionkey", "authkey", "sastoken", "saskey", "sasurl", "authorization",
		"bearer", "jaas", "connectionstring", "keytab",
	}
	hiddenWords = []string{"sas", "pass", "jwt"}
)

// Showable reports whether a page may show the value of a foreign property: its name is none of those under which people keep
// passwords, keys and tokens, however it is spelled: access-key, access_key and accessKey are the same.
func Showable(name string) bool {
	var joined, words strings.Builder
	last := ' '
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			words.WriteByte(' ')
			last = r
			continue
		}
		if unicode.IsUpper(r) && !unicode.IsUpper(last) {
			words.WriteByte(' ')
		}
		last = r
		r = unicode.ToLower(unicode.ToUpper(r)) // which makes one letter of all that look like s or k
		joined.WriteRune(r)
		words.WriteRune(r)
	}
	for _, part := range hiddenParts {
		if strings.Contains(joined.String(), part) {
			return false
		}
	}
	for word := range strings.FieldsSeq(words.String()) {
		if slices.Contains(hiddenWords, word) {
			return false
		}
	}
	return true
}

// ShownProperties returns what a page may show of foreign properties: those that are Showable, the first MaxProperties of them by
// name, with values WithoutUserinfo, both cut at 1 KiB.
func ShownProperties(all map[string]string) map[string]string {
	out := make(map[string]string, min(len(all), MaxProperties))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(out) == MaxProperties {
			break
		}
		if Showable(name) {
			out[tidy(name, maxShort)] = tidy(WithoutUserinfo(all[name]), maxShort)
		}
	}
	return out
}

// login is user:password@ without a scheme before it, at the beginning of a text or of an item in it.
var login = regexp.MustCompile(`(^|[\s"'=,;(\[])[^\s"'=,;(\[:/@]+:[^\s"'/]*@`)

// WithoutUserinfo returns a value or location without what stands before the @ of an address in it, as in
// postgres://user:password@host/db, where one may also be without a scheme. It rather cuts too much: label:ann@example.com loses
// ann. A container of Azure's, as in abfss://container@account.example/path, stays. The time it takes is linear.
func WithoutUserinfo(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	var out strings.Builder
	runEnd, runAt := 0, -1 // where the text without a blank that holds the address ends, and its last @
	rest := 0
	for {
		found := strings.Index(text[rest:], "://")
		if found < 0 {
			break
		}
		start := rest + found + len("://")
		out.WriteString(text[rest:start])
		end := until(text, start, "/?# \t\r\n\"'<>")
		if start >= runEnd {
			runEnd = until(text, start, " \t\r\n\"'<>")
			runAt = start + strings.LastIndexByte(text[start:runEnd], '@')
			if runAt < start {
				runAt = -1
			}
		}
		authority := text[start:end]
		at := strings.LastIndexByte(authority, '@')
		switch {
		case at >= 0 && containers(text[:start]) && !strings.Contains(authority[:at], ":"):
			out.WriteString(authority)
			rest = end
		case at >= 0:
			rest = start + at + 1
		case runAt >= end && !hostPort(authority): // a password with a / in it that should be percent-encoded
			rest = runAt + 1
		default:
			rest = start
		}
	}
	out.WriteString(text[rest:])
	return login.ReplaceAllString(out.String(), "$1")
}

func until(text string, start int, ends string) int {
	if n := strings.IndexAny(text[start:], ends); n >= 0 {
		return start + n
	}
	return len(text)
}

// containers reports whether before, which ends with ://, ends with a scheme of Azure's, where container@account is a host.
func containers(before string) bool {
	for _, scheme := range []string{"abfs://", "abfss://", "wasb://", "wasbs://"} {
		if len(before) >= len(scheme) && strings.EqualFold(before[len(before)-len(scheme):], scheme) {
			return true
		}
	}
	return false
}

// hostPort reports whether an authority may be hosts with or without ports, such as [::1]:80 and a:1,b:2.
func hostPort(authority string) bool {
	for host := range strings.SplitSeq(authority, ",") {
		if i := strings.LastIndexByte(host, ']'); i >= 0 {
			host = host[i+1:]
		}
		_, port, _ := strings.Cut(host, ":")
		if strings.Trim(port, "0123456789") != "" {
			return false
		}
	}
	return true
}
