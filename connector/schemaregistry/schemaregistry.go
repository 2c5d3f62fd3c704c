// Package schemaregistry reads schema registries that speak Confluent's API, as Confluent's, Apicurio's, Karapace and
// Redpanda's do: which subjects there are, what their schemas say, and which topics they are about. It registers nothing.
//
// The columns of a subject are those of its newest version, read from Avro, JSON Schema and Protocol Buffers. Subjects of
// other formats have their text and no columns. All of it is foreign text: sizes, depths and counts are bounded.
package schemaregistry

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"

	"portreeve/catalog"
	"portreeve/fault"
)

// subjectsScope is the only scope of a registry.
const subjectsScope = "subjects"

// registry is a schema registry. It implements catalog.Crawler and keeps nothing between calls but connections.
type registry struct {
	client    *client
	settings  settings
	namespace string
}

// open reads the settings; whether the registry answers shows when it is asked.
func open(_ context.Context, src catalog.Source) (catalog.Connection, error) {
	s, err := parseSettings(src.Config)
	if err != nil {
		return catalog.Connection{}, err
	}
	security, err := catalog.TLSFiles(s.caFile, s.certFile, s.keyFile)
	if err != nil {
		return catalog.Connection{}, err
	}
	r := &registry{client: newClient(s, security), settings: s, namespace: cmp.Or(src.Namespace, s.urls[0])}
	return catalog.Connection{
		Crawler: r,
		Close: func() error {
			r.client.http.CloseIdleConnections()
			return nil
		},
	}, nil
}

// Scopes returns the one scope that all subjects are in.
func (r *registry) Scopes(context.Context) ([]string, error) { return []string{subjectsScope}, nil }

// Datasets streams the subjects that the settings ask for, in the order in which they are read.
func (r *registry) Datasets(ctx context.Context, scope string, known catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		if scope != subjectsScope {
			yield(catalog.Observation{}, fault.NotFoundf("a schema registry has no scope %s, only %s", scope, subjectsScope))
			return
		}
		if err := r.crawl(ctx, known, yield); err != nil {
			yield(catalog.Observation{}, err)
		}
	}
}

// Has reports whether a subject of this name, which the settings ask for, has a version now.
func (r *registry) Has(ctx context.Context, name string) (bool, error) {
	if name == "" || !r.settings.wants(name) {
		return false, nil
	}
	numbers, err := r.client.numbers(ctx, name)
	if isGone(err) {
		return false, nil
	}
	if err != nil {
		return false, r.explain(err, "the subject "+name)
	}
	return len(numbers) > 0, nil
}

// isGone reports whether the registry itself says that there is no such subject or version. A 404 of another kind may be a
// proxy's that dislikes the name.
func isGone(err error) bool {
	var no *refusal
	return errors.As(err, &no) && no.status == http.StatusNotFound && (no.code == noSubject || no.code == noVersion)
}

// allSubjects is what every registry has to tell.
const allSubjects = "the list of subjects"

// explain makes of an error of the client one that a person can be shown; what was to be read continues "the user may not read".
func (r *registry) explain(err error, what string) error {
	var no *refusal
	var quiet *silence
	var odd *stranger
	what = fault.Line(what, maxName)
	switch {
	case fault.KindOf(err) != fault.Internal:
		return err
	case what == allSubjects && errors.As(err, &odd):
		const msg = "%s answers, but is no schema registry (%s): url must be the address of its API"
		return fault.Unavailablef(odd, msg, odd.host, odd.kind)
	case errors.As(err, &quiet):
		return fault.Unavailablef(err, "%s cannot be read: the registry %s", what, quiet.why)
	case !errors.As(err, &no):
		return err // the context's
	}
	switch no.status {
	case http.StatusUnauthorized:
		return &fault.Error{Kind: fault.Forbidden, Msg: "the registry does not accept " + r.caller(), Err: err}
	case http.StatusForbidden:
		return &fault.Error{Kind: fault.Forbidden, Msg: r.caller() + " may not read " + what + " in the registry", Err: err}
	case http.StatusNotFound:
		if no.code == 0 {
			const msg = "%s cannot be found where it should be: the address may be wrong, or a proxy before the registry refuses such a name"
			return fault.Unavailablef(err, msg, what)
		}
	}
	return fault.Unavailablef(err, "%s cannot be read: the registry says %s", what, cmp.Or(no.message, "HTTP "+http.StatusText(no.status)))
}

// caller says as whom we come.
func (r *registry) caller() string {
	switch {
	case r.settings.token != "":
		return "the holder of the token"
	case r.settings.user != "":
		return "the user " + r.settings.user
	case r.settings.certFile != "":
		return "the holder of the certificate"
	}
	return "someone who does not log in"
}

// cutMark ends a text that was cut.
const cutMark = " … (cut here)"

// cut returns text as UTF-8 without NUL, at most limit bytes of it, mark included.
func cut(text string, limit int) string {
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit-len(cutMark)], "") + cutMark
	}
	return storable(text)
}

// storable returns text as Postgres can keep it.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
