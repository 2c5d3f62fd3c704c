package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

const (
	schemaShown        = 64 << 10 // bytes of a schema on the page; the download has the rest
	schemaVersionsPage = 100
)

// schemaSubject is a subject of a schema registry that describes a dataset, or a part of it.
type schemaSubject struct {
	catalog.SchemaDetail
	Of catalog.Key // the dataset that it is
	id int64
}

// subjects returns the subjects that describe h, that of a topic's value before that of its key.
func (h *datasetHead) subjects() []schemaSubject {
	var all []schemaSubject
	add := func(d *catalog.SchemaDetail, of *catalog.Dataset, part string) {
		if d == nil || slices.ContainsFunc(all, func(s schemaSubject) bool { return s.id == of.ID || s.Of.Source == of.Source && s.Subject == d.Subject }) {
			return
		}
		s := schemaSubject{*d, of.Key(), of.ID}
		s.Part = cmp.Or(d.Part, part)
		all = append(all, s)
	}
	if h.Kind == catalog.Schema {
		add(h.Detail.Schema, &h.Dataset, "")
	}
	for i := range h.Others {
		o := &h.Others[i]
		add(o.Detail.Schema, &o.Dataset, o.Part)
	}
	if len(all) == 0 {
		add(h.Detail.Schema, &h.Dataset, "")
	}
	slices.SortStableFunc(all, func(a, b schemaSubject) int { return cmp.Compare(partRank(a.Part), partRank(b.Part)) })
	return all
}

func partRank(part string) int {
	switch part {
	case "value":
		return 0
	case "key":
		return 2
	}
	return 1
}

func versionsOf(subjects []schemaSubject) int {
	n := 0
	for i := range subjects {
		n += len(subjects[i].Versions)
	}
	return n
}

// title is what a subject is called beside others.
func (s schemaSubject) title() string {
	if s.Part != "" {
		return upperFirst(s.Part)
	}
	return cut(s.Subject, 60)
}

// compatibility says what a registry lets through for a subject.
func (s schemaSubject) compatibility() string {
	word := strings.ToLower(strings.ReplaceAll(s.Compatibility, "_", " "))
	if word == "" {
		return unknown
	}
	means := map[string]string{
		"backward": "a new schema reads data of the one before", "backward transitive": "a new schema reads data of all before",
		"forward": "the schema before reads data of a new one", "forward transitive": "all schemas before read data of a new one",
		"full": "each reads data of its neighbours", "full transitive": "each reads data of all others", "none": "anything may follow",
	}[word]
	if means != "" {
		word += ": " + means
	}
	if s.Inherited {
		word += " (the registry's own rule)"
	}
	return word
}

// schemasPage is the versions of a subject and one of them in full.
type schemasPage struct {
	Subjects []schemaSubject
	Subject  schemaSubject // chosen
	Version  catalog.SchemaVersion
	Offset   int // of the list of versions
	Code     ui.Code
	Cut      bool // Code is only the beginning
	Before   *catalog.SchemaVersion
	Diff     []ui.DiffLine
	Links    map[string]catalog.Key // subjects that it refers to
}

func (s *Server) getSchemas(c echo.Context) error {
	h, err := s.datasetHead(c, "schemas")
	if h == nil {
		return err
	}
	if versionsOf(h.subjects()) == 0 {
		return noSuchTab(c, h)
	}
	ctx := c.Request().Context()
	p, err := s.newSchemasPage(ctx, h, c.QueryParams())
	if err != nil {
		return err
	}
	if err := s.link(ctx, h, h.lead(), h.Deprecated); err != nil {
		return err
	}
	if err := s.linkReferences(ctx, &p); err != nil {
		return err
	}
	return render(c, http.StatusOK, schemasView(s.datasetShell(c, h), h, p))
}

func (s *Server) linkReferences(ctx context.Context, p *schemasPage) (err error) {
	names := make([]string, 0, len(p.Version.References))
	for _, r := range p.Version.References {
		names = append(names, r.Subject)
	}
	p.Links, err = s.resolved(ctx, p.Subject.Of.Source, names)
	return err
}

func (s *Server) newSchemasPage(ctx context.Context, h *datasetHead, values url.Values) (schemasPage, error) {
	p := schemasPage{Subjects: h.subjects(), Offset: offsetOf(values)}
	at, err := chosenVersion(p.Subjects, values.Get("subject"), values.Get("version"))
	if err != nil {
		h.Missed = upperFirst(fault.Message(err)) + ". This is the newest that there is."
		if at, err = chosenVersion(p.Subjects, p.Subjects[max(0, at.subject)].Subject, ""); err != nil {
			return p, err
		}
	}
	p.Subject = p.Subjects[at.subject]
	p.Version = p.Subject.Versions[at.version]
	if !values.Has("offset") {
		p.Offset = at.version / schemaVersionsPage * schemaVersionsPage
	}
	p.Offset = min(p.Offset, len(p.Subject.Versions))
	wanted := []int{p.Version.Version}
	if at.version+1 < len(p.Subject.Versions) {
		p.Before = &p.Subject.Versions[at.version+1]
		wanted = append(wanted, p.Before.Version)
	}
	texts, err := s.Catalog.SchemaTexts(ctx, p.Subject.id, wanted...)
	if err != nil {
		return p, err
	}
	shown := readable(texts[p.Version.Version])
	if p.Before != nil {
		p.Diff = diffTexts(readable(texts[p.Before.Version]), shown)
	}
	if p.Cut = len(shown) > schemaShown; p.Cut {
		shown = cutBytes(shown, schemaShown)
	}
	p.Code = ui.Code{
		ID: "schema-text", Name: "version " + strconv.Itoa(p.Version.Version) + " of " + cut(p.Subject.Subject, 120), Lang: schemaLang(p.Subject.Format), Text: shown,
	}
	return p, nil
}

func schemaLang(format string) string {
	if strings.EqualFold(format, "PROTOBUF") {
		return "proto"
	}
	return "json"
}

// cutBytes returns the beginning of s, at most limit bytes, at the end of a line where there is one.
func cutBytes(s string, limit int) string {
	s = strings.ToValidUTF8(s[:limit], "")
	if i := strings.LastIndexByte(s, '\n'); i > limit/2 {
		return s[:i]
	}
	return s
}

type versionAt struct{ subject, version int }

// chosenVersion finds a version by the name of its subject and its number; empty ones are the first subject and its newest.
func chosenVersion(subjects []schemaSubject, name, number string) (at versionAt, err error) {
	if len(subjects) == 0 {
		return at, fault.NotFoundf("it has no schemas")
	}
	if name != "" {
		at.subject = slices.IndexFunc(subjects, func(s schemaSubject) bool { return s.Subject == name })
	}
	if at.subject < 0 {
		return at, fault.NotFoundf("it has no schema %s", quote(name))
	}
	versions := subjects[at.subject].Versions
	if number != "" {
		at.version = slices.IndexFunc(versions, func(v catalog.SchemaVersion) bool { return strconv.Itoa(v.Version) == number })
	}
	if at.version < 0 || at.version >= len(versions) {
		return at, fault.NotFoundf("the subject %s has no version %s here", cut(subjects[at.subject].Subject, 200), cut(number, 40))
	}
	return at, nil
}

// getSchemaText sends a version of a schema as it was registered: …/schemas/3.txt.
func (s *Server) getSchemaText(c echo.Context) error {
	ctx := c.Request().Context()
	_, w, err := s.whole(ctx, catalog.Key{Source: c.Param("source"), Name: c.Param("name")})
	if err != nil {
		return err
	}
	h := &datasetHead{Whole: w}
	version, ok := strings.CutSuffix(c.Param("file"), ".txt")
	if !ok || version == "" {
		return echo.ErrNotFound
	}
	subjects := h.subjects()
	at, err := chosenVersion(subjects, c.QueryParam("subject"), version)
	if err != nil {
		return err
	}
	found := subjects[at.subject]
	number := found.Versions[at.version].Version
	texts, err := s.Catalog.SchemaTexts(ctx, found.id, number)
	if err != nil {
		return err
	}
	return sendText(c, fileName(found.Subject)+"-v"+version+".txt", texts[number])
}

// sendText sends a foreign text as a file: no browser may make more of it than text.
func sendText(c echo.Context, name, text string) error {
	header := c.Response().Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"; filename*=UTF-8''`+url.PathEscape(name))
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

func versionURL(h *datasetHead, s *schemaSubject, version int) string {
	return datasetURL(h.Key(), "schemas") + "?" + url.Values{"subject": {s.Subject}, "version": {strconv.Itoa(version)}}.Encode()
}

func versionFileURL(h *datasetHead, s *schemaSubject, version int) string {
	return datasetURL(h.Key(), "schemas") + "/" + strconv.Itoa(version) + ".txt?" + formQuery("subject", s.Subject)
}

func (p schemasPage) parts(h *datasetHead) []ui.Link {
	links := make([]ui.Link, 0, len(p.Subjects))
	for i := range p.Subjects {
		s := &p.Subjects[i]
		links = append(links, ui.Link{
			Text: s.title(), URL: datasetURL(h.Key(), "schemas") + "?" + formQuery("subject", s.Subject),
			Count: number(int64(len(s.Versions))), Current: s.Of == p.Subject.Of,
		})
	}
	return links
}

func (p schemasPage) listed() []catalog.SchemaVersion {
	return p.Subject.Versions[p.Offset:min(p.Offset+schemaVersionsPage, len(p.Subject.Versions))]
}

func (p schemasPage) pager(h *datasetHead) ui.Pager {
	return listPager(p.Offset, len(p.listed()), len(p.Subject.Versions), schemaVersionsPage, "version", "versions", func(offset int) string {
		return datasetURL(h.Key(), "schemas") + "?" + url.Values{
			"subject": {p.Subject.Subject}, "version": {strconv.Itoa(p.Version.Version)}, "offset": {strconv.Itoa(offset)},
		}.Encode()
	})
}

// Sentence answers what schema there is.
func (p schemasPage) Sentence() string {
	text := "Version " + strconv.Itoa(p.Version.Version) + " of " + cut(p.Subject.Subject, 120)
	if p.Version.Version == p.Subject.Versions[0].Version {
		text += " is the newest of " + plural(len(p.Subject.Versions), "version", "versions")
	} else {
		text += "; the newest is " + strconv.Itoa(p.Subject.Versions[0].Version)
	}
	return text + ", from " + whose(p.Subject.Of) + "."
}
