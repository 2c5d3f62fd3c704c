package catalog

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Search compares letters and digits only: lower case, without accents, split into words at every change of case, at
// digits and at anything else. Nothing but letters and digits gets from a text or a question into a key.

const (
	maxToken  = 64     // bytes of a word that count
	maxSquash = 200    // bytes of a whole name that count
	maxProse  = 20_000 // bytes of a description that are searched
)

// token is a word of a text as it is compared, and where it stands.
type token struct {
	text       string // folded and singular
	raw        string // folded
	start, end int    // bytes of the text
}

// class is what a rune is to the tokenizer.
type class uint8

const (
	other class = iota
	lower
	upper
	digit
	mark // belongs to the letter before it
)

func classOf(r rune) class {
	switch {
	case r >= 'a' && r <= 'z':
		return lower
	case r >= 'A' && r <= 'Z':
		return upper
	case r >= '0' && r <= '9':
		return digit
	case r < utf8.RuneSelf:
		return other
	case unicode.IsUpper(r), unicode.IsTitle(r):
		return upper
	case unicode.IsDigit(r):
		return digit
	case unicode.IsLetter(r), unicode.Is(unicode.So, r): // an emoji is a name, too
		return lower
	case unicode.IsMark(r):
		return mark
	}
	return other
}

// tokens splits text into words: fct_BookingPaymentsV2 is fct, booking, payment, v2.
func tokens(text string) []token {
	var out []token
	start, prev := -1, other
	emit := func(end int) {
		if start >= 0 {
			if raw := cutAt(fold(text[start:end]), maxToken); raw != "" {
				out = append(out, token{singular(raw), raw, start, end})
			}
		}
		start = -1
	}
	for i, r := range text {
		c := classOf(r)
		if c == mark {
			if start >= 0 {
				continue
			}
			c = other
		}
		if start >= 0 && (c == other || cuts(prev, c, rest(text[i:]))) {
			emit(i)
		}
		if start < 0 && c != other {
			start = i
		}
		prev = c
	}
	emit(len(text))
	return out
}

// rest returns s without its first rune.
func rest(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[n:]
}

// cuts reports whether a word ends between a rune of class p and one of class c, given what comes after: at aB, at HTTPServer,
// after digits, and before three or more of them.
func cuts(p, c class, after string) bool {
	switch {
	case p == lower && c == upper, p == digit && c != digit:
		return true
	case p == upper && c == upper:
		r, n := utf8.DecodeRuneInString(after)
		return n > 0 && classOf(r) == lower
	case p != digit && c == digit:
		r, n := utf8.DecodeRuneInString(after)
		r2, _ := utf8.DecodeRuneInString(after[n:])
		return classOf(r) == digit && classOf(r2) == digit
	}
	return false
}

// accents lists letters with the plain letters they are compared as.
var accents = func() map[rune]string {
	m := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'þ': "th"}
	for plain, letters := range map[string]string{
		"a": "àáâãäåāăą", "c": "çćĉċč", "d": "ďđð", "e": "èéêëēĕėęě", "g": "ĝğġģ", "h": "ĥħ", "i": "ìíîïĩīĭįı", "j": "ĵ",
		"k": "ķ", "l": "ĺļľŀł", "n": "ñńņňŉ", "o": "òóôõöøōŏő", "r": "ŕŗř", "s": "śŝşšșſ", "t": "ţťŧț", "u": "ùúûüũūŭůűų",
		"w": "ŵ", "y": "ýÿŷ", "z": "źżž",
	} {
		for _, r := range letters {
			m[r] = plain
		}
	}
	return m
}()

// fold returns s in lower case and without accents.
func fold(s string) string {
	var b strings.Builder
	for _, r := range s {
		foldRune(&b, r)
	}
	return b.String()
}

func foldRune(b *strings.Builder, r rune) {
	if r < utf8.RuneSelf {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		b.WriteRune(r)
		return
	}
	r = unicode.ToLower(r)
	if plain, ok := accents[r]; ok {
		b.WriteString(plain)
	} else if !unicode.IsMark(r) {
		b.WriteRune(r)
	}
}

// squash returns the letters and digits of s: fct_BookingPaymentsV2 is fctbookingpaymentsv2.
func squash(s string) string {
	var b strings.Builder
	for _, r := range s {
		if c := classOf(r); c != other && c != mark {
			foldRune(&b, r)
		}
		if b.Len() > maxSquash {
			break
		}
	}
	return cutAt(b.String(), maxSquash)
}

// slug returns s as a facet's key holds it: letters and digits with a dash for everything between.
func slug(s string) string {
	var words []string
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { c := classOf(r); return c == other || c == mark }) {
		words = append(words, fold(w))
	}
	return cutAt(strings.Join(words, "-"), maxSquash)
}

// cutAt cuts s to at most n bytes, between runes.
func cutAt(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// singular returns an English plural's singular, near enough: questions and texts are treated alike.
func singular(w string) string {
	n := len(w)
	has := func(suffixes ...string) bool {
		for _, s := range suffixes {
			if strings.HasSuffix(w, s) {
				return true
			}
		}
		return false
	}
	switch {
	case n < 4 || w[n-1] != 's', has("ss", "us", "is"):
		return w
	case n > 4 && has("ies"):
		return w[:n-3] + "y"
	case has("sses", "xes", "ches", "shes"):
		return w[:n-2]
	}
	return w[:n-1]
}

// stem returns the word before a number at the end of w, or "": orders2 is also found by orders.
func stem(w string) string {
	i := strings.IndexAny(w, "0123456789")
	if i < 3 {
		return ""
	}
	return singular(w[:i])
}

// stops are words that say nothing, unless a name is made of them.
var stops = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq("the of and to in a is for by with from that this as on are be each or it at per an all which when") {
		m[w] = true
	}
	return m
}()

// ownName returns the part of a name that people say: of lake.raw.flights the last, of a topic all.
func ownName(kind Kind, name string) string {
	if kind == Topic {
		return name
	}
	parts := SplitPath(name)
	return parts[len(parts)-1]
}
