package web

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// editForm is the form on which a dataset is described. Beside each value stands what it was when the form was made, so that
// only what its author changed is sent on, and the newest edit that the author saw.
type editForm struct {
	Values    url.Values                // as they are shown, by the names of the inputs
	Was       map[string]string         // by field: the value that the form began with
	Base      map[string]int64          // by field: the newest edit that the author saw
	Newest    map[string]int64          // by field: the newest edit
	Origins   map[string]catalog.Origin // by field
	Errors    map[string]string         // sentences by field
	Conflicts map[string]conflict       // by field
	fields    []string
	filled    bool              // with what somebody typed and did not save yet
	now       map[string]string // by field: the value that holds
}

// conflict is a field that somebody else changed in the meantime.
type conflict struct {
	Yours, Theirs string
	By            string
	At            time.Time
}

// newEditForm returns the form on the dataset itself as it is before anybody types.
func (s *Server) newEditForm(ctx context.Context, h *datasetHead) (editForm, error) {
	f := editForm{fields: catalog.Fields(), now: map[string]string{}}
	for _, field := range f.fields {
		f.now[field] = h.Value(field)
	}
	return f, s.begin(ctx, h, &f)
}

// begin fills a form with what holds.
func (s *Server) begin(ctx context.Context, h *datasetHead, f *editForm) (err error) {
	f.Values, f.Was, f.Base = url.Values{}, map[string]string{}, map[string]int64{}
	f.Conflicts, f.Errors = map[string]conflict{}, map[string]string{}
	if f.Origins, err = s.Catalog.Origins(ctx, h.ID); err != nil {
		return err
	}
	if f.Newest, err = s.Catalog.NewestEdits(ctx, h.ID); err != nil {
		return err
	}
	for _, field := range f.fields {
		f.Was[field], f.Base[field] = f.now[field], f.Newest[field]
		f.show(field, f.now[field])
	}
	return nil
}

// show puts a value of a field into its inputs.
func (f *editForm) show(field, value string) {
	switch field {
	case catalog.FieldOwners:
		f.Values[field] = catalog.ListItems(value)
	case catalog.FieldTags, catalog.FieldTerms:
		f.Values.Set(field, strings.Join(catalog.ListItems(value), ", "))
	case catalog.FieldFreshWithin:
		n, unit := freshIn(value)
		f.Values.Set(field, n)
		f.Values.Set("fresh_unit", unit)
	default:
		f.Values.Set(field, value)
	}
}

// units are what freshness can be said in, in seconds.
var units = []struct {
	Name    string
	Seconds int64
}{{"minutes", 60}, {"hours", 3600}, {"days", 86400}}

// freshIn writes seconds in the largest unit that they are a whole number of.
func freshIn(value string) (n, unit string) {
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "", "hours"
	}
	for _, u := range slices.Backward(units) {
		if seconds%u.Seconds == 0 {
			return strconv.FormatInt(seconds/u.Seconds, 10), u.Name
		}
	}
	return value, "seconds"
}

// declared reports whether a field is said in a file, where alone it can be changed.
func (f *editForm) declared(field string) bool { return f.Origins[field].Origin == "declared" }

// edited reports whether a field was edited here, so that the edit can be taken back.
func (f *editForm) edited(field string) bool { return f.Origins[field].Origin == "edited" }

// fill puts what was posted into the form.
func (f *editForm) fill(values url.Values) {
	f.Values, f.filled = values, true
	for _, field := range f.fields {
		if !values.Has("was." + field) {
			delete(f.Was, field) // it was not on the form
			continue
		}
		f.Was[field] = strings.ReplaceAll(values.Get("was."+field), "\r\n", "\n")
		f.Base[field], _ = strconv.ParseInt(values.Get("base."+field), 10, 64)
	}
}

// owners returns the ids of the owners that the form shows.
func (f *editForm) owners() []int64 {
	var ids []int64
	for _, text := range f.Values[catalog.FieldOwners] {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// editsOf returns what the author of the form changed. Where somebody else changed it as well and the author chose theirs, it is
// not among it.
func (s *Server) editsOf(ctx context.Context, f *editForm) ([]catalog.Edit, error) {
	wrong := []error{s.addOwners(ctx, f)}
	if wrong[0] != nil && fault.KindOf(wrong[0]) != fault.Invalid {
		return nil, wrong[0]
	}
	var edits []catalog.Edit
	for _, field := range f.fields {
		was, there := f.Was[field]
		if !there || f.declared(field) {
			continue
		}
		chosen := f.Values.Get("choose." + field)
		if f.Values.Has("conflict."+field) && chosen == "" {
			wrong = append(wrong, fault.Invalidf("choose."+field, "choose which of the two is to hold"))
			continue
		}
		if chosen == "theirs" {
			f.show(field, was)
			continue
		}
		base := f.Base[field]
		value, err := f.value(field)
		switch {
		case err != nil:
			wrong = append(wrong, err)
		case f.Values.Get("take."+field) != "" && f.edited(field):
			edits = append(edits, catalog.Edit{Field: field, Base: &base})
		case !same(value, f.asTyped(field, was)):
			edits = append(edits, catalog.Edit{Field: field, Value: value, Base: &base})
		}
	}
	return edits, errors.Join(wrong...)
}

// value returns what the inputs of a field say; nil where they are empty and the field cannot be.
func (f *editForm) value(field string) (*string, error) {
	text := strings.TrimSpace(strings.ReplaceAll(f.Values.Get(field), "\r\n", "\n"))
	switch field {
	case catalog.FieldOwners:
		text = catalog.ListValue(f.Values[field])
	case catalog.FieldTags, catalog.FieldTerms:
		text = catalog.ListValue(listed(text))
	case catalog.FieldCertified:
		if text == "" {
			text = "no" // a box that is not ticked is not sent
		}
	case catalog.FieldSunset:
		if text == "" {
			return nil, nil
		}
	case catalog.FieldFreshWithin:
		if text == "" {
			return nil, nil
		}
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n <= 0 {
			return nil, fault.Invalidf(field, "this is a whole number above nought")
		}
		text = strconv.FormatInt(n*f.unit(), 10)
	}
	return &text, nil
}

// asTyped returns a value as its inputs give it back when nobody touches them.
func (f *editForm) asTyped(field, value string) *string {
	g := editForm{Values: url.Values{}}
	g.show(field, value)
	v, err := g.value(field)
	if err != nil {
		return &value
	}
	return v
}

func same(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// unit returns the chosen unit of freshness in seconds.
func (f *editForm) unit() int64 {
	for _, u := range units {
		if u.Name == f.Values.Get("fresh_unit") {
			return u.Seconds
		}
	}
	return 1
}

// listed splits what was typed with commas between.
func listed(text string) []string {
	items := []string{}
	for item := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' || r == '\n' }) {
		if item = strings.Join(strings.Fields(item), " "); item != "" && !slices.Contains(items, item) {
			items = append(items, item)
		}
	}
	return items
}

// addOwners adds the people whose names or addresses were typed to the form's owners.
func (s *Server) addOwners(ctx context.Context, f *editForm) error {
	ids, unknown, err := s.peopleCalled(ctx, f.Values.Get("owner_add"))
	for _, id := range ids {
		if !slices.Contains(f.Values[catalog.FieldOwners], id) {
			f.Values.Add(catalog.FieldOwners, id)
		}
	}
	f.Values.Set("owner_add", strings.Join(unknown, ", "))
	return err
}

// peopleCalled returns the ids of the people whose names or addresses stand in a text, the names that mean nobody, and what is wrong
// with those.
func (s *Server) peopleCalled(ctx context.Context, text string) (ids, unknown []string, err error) {
	for _, name := range listed(text) {
		person, wrong := s.personCalled(ctx, name)
		switch {
		case wrong == nil:
			ids = append(ids, catalog.FormatID(person.ID))
		case fault.KindOf(wrong) != fault.Invalid:
			return nil, nil, wrong
		default:
			unknown, err = append(unknown, name), cmp.Or(err, wrong)
		}
	}
	return ids, unknown, err
}

// personCalled finds the one person whom a name, an address or "name <address>" means.
func (s *Server) personCalled(ctx context.Context, text string) (access.Colleague, error) {
	wanted := text
	if name, rest, ok := strings.Cut(text, "<"); ok {
		if wanted = strings.TrimSuffix(rest, ">"); wanted == "" {
			wanted = strings.TrimSpace(name)
		}
	}
	found, _, err := s.Access.Colleagues(ctx, wanted, false, 0, 20)
	if err != nil {
		return access.Colleague{}, err
	}
	exact := slices.DeleteFunc(slices.Clone(found), func(p access.Colleague) bool {
		return p.Kind != "person" || !strings.EqualFold(p.Name, wanted) && !strings.EqualFold(p.Email, wanted)
	})
	switch {
	case len(exact) == 1:
		return exact[0], nil
	case len(exact) > 1:
		return access.Colleague{}, fault.Invalidf(catalog.FieldOwners, "%d people are called %q: use the e-mail address", len(exact), cut(text, 80))
	}
	return access.Colleague{}, fault.Invalidf(catalog.FieldOwners, "nobody here is called %q", cut(text, 80))
}

// callPerson is how the form offers a person.
func callPerson(p access.Colleague) string {
	if p.Email == "" {
		return p.Name
	}
	return p.Name + " <" + p.Email + ">"
}

// refused puts what is wrong with the form beside its fields and reports whether that is all that err says.
func (f *editForm) refused(err error) bool {
	wrong := invalids(err)
	if len(wrong) == 0 {
		return false
	}
	for _, e := range wrong {
		if f.Errors[e.Field] == "" {
			f.Errors[e.Field] = sentence(e.Msg)
		}
	}
	for _, field := range f.fields { // the conflicts that it was posted with
		if _, there := f.Was[field]; there && f.Values.Has("conflict."+field) {
			f.setConflict(field, "")
		}
	}
	return true
}

// invalids returns all that is wrong with fields in an error, none if it says anything else.
func invalids(err error) []*fault.Error {
	switch e := err.(type) { //nolint:errorlint // the whole tree is read
	case *fault.Error:
		if e.Kind == fault.Invalid && e.Field != "" {
			return []*fault.Error{e}
		}
	case interface{ Unwrap() []error }:
		var all []*fault.Error
		for _, part := range e.Unwrap() {
			found := invalids(part)
			if len(found) == 0 {
				return nil
			}
			all = append(all, found...)
		}
		return all
	case interface{ Unwrap() error }:
		return invalids(e.Unwrap())
	}
	return nil
}

// keep says to the script whether the form holds words that are not saved yet.
func (f *editForm) keep() string { return keepForm(f.filled) }

func keepForm(unsaved bool) string {
	if unsaved {
		return "unsaved"
	}
	return "fresh"
}

// compare finds the fields that both the author and somebody else changed. The form goes on from what holds now, which fresh was
// made of.
func (f *editForm) compare(fresh *editForm, found *catalog.EditConflict) {
	f.now, f.Newest, f.Origins = fresh.now, fresh.Newest, fresh.Origins
	for _, field := range f.fields {
		was, there := f.Was[field]
		value, err := f.value(field)
		if !there || err != nil || f.Base[field] == f.Newest[field] {
			continue
		}
		now := f.now[field]
		f.Base[field], f.Was[field] = f.Newest[field], now
		switch {
		case same(value, f.asTyped(field, was)): // nothing was typed: theirs holds
			f.show(field, now)
		case !same(value, f.asTyped(field, now)):
			by := ""
			if field == found.Field {
				by = found.By
			}
			f.setConflict(field, by)
			f.Values.Del("choose." + field)
		}
	}
}

func (f *editForm) setConflict(field, by string) {
	c := conflict{Theirs: f.Was[field], By: by, At: f.Origins[field].At}
	if c.By == "" {
		c.By = cmp.Or(f.Origins[field].Person, "somebody else")
	}
	if v, err := f.value(field); err == nil && v != nil {
		c.Yours = *v
	}
	f.Conflicts[field] = c
}
