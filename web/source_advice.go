package web

import (
	"slices"
	"strings"

	"portreeve/catalog"
)

// advice says what to do about what a crawl could not read, by what the causes say. It is empty when there is nothing to do.
func (p *crawlPage) advice() []string {
	if underWay(&p.Crawl) || p.Source.RetiredAt != nil || (len(p.Errors) == 0 && p.Crawl.State != catalog.CrawlFailed) {
		return nil
	}
	later := "Nothing, if it passes: the next crawl tries all of it again"
	if p.known() {
		later += ", and what was known before stays"
	}
	all := append([]string{later + "."}, p.causes()...)
	schema := slices.ContainsFunc(p.Errors, func(e catalog.CrawlError) bool { return e.Name == "" })
	dataset := slices.ContainsFunc(p.Errors, func(e catalog.CrawlError) bool { return e.Name != "" })
	if schema {
		part := "A schema"
		if flat(p.Source.Kind) {
			part = "A part"
		}
		all = append(all, part+" that fails cannot be listed: see whether Portreeve’s account on "+p.Source.Slug+" may still do so.")
	}
	if dataset {
		text := "A dataset that fails is listed, but its metadata cannot be read: tell who writes it."
		if len(p.Known) > 0 {
			text += " Where its name is a link, its page says since when."
		}
		all = append(all, text)
	}
	return all
}

// causes is the advice for what the messages of a crawl speak of.
func (p *crawlPage) causes() (advice []string) {
	var b strings.Builder
	b.WriteString(p.Crawl.Message)
	for _, e := range p.Errors[:min(len(p.Errors), 100)] {
		b.WriteString("\n" + e.Message)
	}
	text := strings.ToLower(b.String())
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	if has("status 404", "status 405") {
		what := "the system itself"
		if p.Source.Kind == "trino" {
			what = "the coordinator of Trino"
		}
		advice = append(advice, "Something answers there, but not as it should: see whether the address in the settings is that of "+what+".")
	}
	if has("longer than", "in time", "timeout", "timed out") {
		advice = append(advice, p.slow())
	}
	if has("does not answer", "cannot be reached", "refused", "no such host") {
		advice = append(advice, "See whether it runs, and whether it can be reached from the portal’s machine at the address in the settings.")
	}
	if has("login", "log in", "password", "status 401", "status 403", "authenticat") {
		advice = append(advice, "Check the user and the password in the settings, and that what they refer to is not out of date.")
	}
	if has("may not read", "permission", "access denied", "not allowed") {
		advice = append(advice, "Let Portreeve’s account read it, or leave it out of what is read.")
	}
	if has("certificate", "tls") {
		advice = append(advice, "Check the certificates: ca_file in the settings, and the host’s own.")
	}
	return advice
}

// slow is the advice for a source that takes too long, with the settings that its kind has for that.
func (p *crawlPage) slow() string {
	wait, less := "", ""
	if p.Kind != nil {
		for _, s := range p.Kind.Settings {
			switch {
			case wait == "" && strings.Contains(s.Name, "timeout"):
				wait = s.Name
			case less == "" && s.List && slices.Contains([]string{"catalogs", "schemas", "topics", "subjects"}, s.Name):
				less = s.Name
			}
		}
	}
	switch {
	case wait != "" && less != "":
		return "It takes too long: raise " + wait + ", or set " + less + " so that less is read."
	case wait != "":
		return "It takes too long: raise " + wait + " in the settings."
	}
	return "It takes too long: see whether it is under load."
}
