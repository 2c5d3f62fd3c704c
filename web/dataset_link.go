package web

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// namesResolved bounds how many words of one page are looked up as names of datasets.
const namesResolved = 500

// textPart is a piece of a text; URL is where it leads, or "".
type textPart struct {
	Text, URL string
}

// link finds the datasets of the same source that texts of the page name, with one query for all of them.
func (s *Server) link(ctx context.Context, h *datasetHead, texts ...string) error {
	var names []string
	for _, text := range texts {
		for _, part := range dotted(text) {
			if part.URL != "" && part.Text != h.Name && !slices.Contains(names, part.Text) && len(names) < namesResolved {
				names = append(names, part.Text)
			}
		}
	}
	var err error
	h.Links, err = s.Catalog.Named(ctx, h.Source, names)
	return err
}

// parts splits a text at the names of datasets that it leads to.
func (h *datasetHead) parts(text string) []textPart {
	if len(h.Links) == 0 {
		return []textPart{{Text: text}}
	}
	var parts []textPart
	for _, part := range dotted(text) {
		key, ok := h.Links[part.Text]
		part.URL = ""
		if ok {
			part.URL = datasetURL(key, "")
		} else if n := len(parts); n > 0 && parts[n-1].URL == "" {
			parts[n-1].Text += part.Text
			continue
		}
		parts = append(parts, part)
	}
	return parts
}

// dotted splits a text into words with dots inside, whose URL is "?", and all that stands between them.
func dotted(text string) []textPart {
	var parts []textPart
	plain := 0 // where what has not been added begins
	for at := 0; at < len(text); {
		word := text[at:]
		if end := strings.IndexFunc(word, func(r rune) bool { return !inName(r) }); end >= 0 {
			word = word[:end]
		}
		if word == "" {
			_, n := utf8.DecodeRuneInString(text[at:])
			at += n
			continue
		}
		name := strings.Trim(word, ".-")
		start := at + strings.Index(word, name)
		at += len(word)
		if !strings.Contains(name, ".") || len(name) > 1024 {
			continue
		}
		if start > plain {
			parts = append(parts, textPart{Text: text[plain:start]})
		}
		parts = append(parts, textPart{name, "?"})
		plain = start + len(name)
	}
	if plain < len(text) {
		parts = append(parts, textPart{Text: text[plain:]})
	}
	return parts
}

// inName reports whether r can be part of a name that stands in a sentence.
func inName(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.-$", r)
}

// comments returns the comments of rows, for link.
func comments(rows []columnRow) []string {
	texts := make([]string, 0, len(rows))
	for _, r := range rows {
		texts = append(texts, r.Comment)
	}
	return texts
}
