package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// Wish is a field of a body that may be left out, or null, or have a value.
type Wish[T any] struct {
	Sent, Null bool
	Value      T
}

// UnmarshalJSON reads a field that was sent.
func (w *Wish[T]) UnmarshalJSON(b []byte) error {
	w.Sent = true
	if w.Null = bytes.Equal(b, []byte("null")); w.Null {
		return nil
	}
	return json.Unmarshal(b, &w.Value)
}

// Schema describes the field as a T that may be null.
func (w Wish[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = true
	return &s
}

// DatasetWishes is what a caller wants the fields of a dataset to be. What is left out stays as it is.
type DatasetWishes struct {
	Title       Wish[string]            `json:"title" required:"false"`
	Description Wish[string]            `json:"description" required:"false" doc:"Markdown."`
	Team        Wish[string]            `json:"team" required:"false" doc:"Slug."`
	Owners      Wish[[]string]          `json:"owners" required:"false" doc:"Ids of people."`
	Domain      Wish[string]            `json:"domain" required:"false" doc:"Slug."`
	Tags        Wish[[]string]          `json:"tags" required:"false"`
	Terms       Wish[[]string]          `json:"terms" required:"false" doc:"Slugs of glossary terms."`
	Certified   Wish[bool]              `json:"certified" required:"false"`
	Deprecated  Wish[string]            `json:"deprecated" required:"false" doc:"Why, and what to use instead; empty when it is not."`
	Sunset      Wish[string]            `json:"sunset" required:"false" doc:"The day from which a deprecated one may be gone, such as 2026-12-31."`
	Successor   Wish[string]            `json:"successor" required:"false" doc:"source/name."`
	Access      Wish[string]            `json:"access" required:"false" doc:"open or restricted."`
	FreshWithin Wish[int64]             `json:"fresh_within" required:"false" doc:"Seconds within which new data is to come."`
	Columns     map[string]Wish[string] `json:"columns,omitempty" doc:"Words on columns, by path."`
	Reason      string                  `json:"reason,omitempty" maxLength:"2000" doc:"Why; stands in the history."`
}

// edits are what the wishes mean: null takes an earlier edit back.
func (w *DatasetWishes) edits() []catalog.Edit {
	var out []catalog.Edit
	add := func(field string, sent, null bool, value string) {
		switch {
		case null:
			out = append(out, catalog.Edit{Field: field})
		case sent:
			out = append(out, catalog.Edit{Field: field, Value: &value})
		}
	}
	for _, t := range []struct {
		field string
		wish  *Wish[string]
	}{
		{catalog.FieldTitle, &w.Title},
		{catalog.FieldDescription, &w.Description},
		{catalog.FieldTeam, &w.Team},
		{catalog.FieldDomain, &w.Domain},
		{catalog.FieldDeprecated, &w.Deprecated},
		{catalog.FieldSunset, &w.Sunset},
		{catalog.FieldSuccessor, &w.Successor},
		{catalog.FieldAccess, &w.Access},
	} {
		add(t.field, t.wish.Sent, t.wish.Null, t.wish.Value)
	}
	for _, l := range []struct {
		field string
		wish  *Wish[[]string]
	}{{catalog.FieldOwners, &w.Owners}, {catalog.FieldTags, &w.Tags}, {catalog.FieldTerms, &w.Terms}} {
		add(l.field, l.wish.Sent, l.wish.Null, catalog.ListValue(l.wish.Value))
	}
	add(catalog.FieldCertified, w.Certified.Sent, w.Certified.Null, map[bool]string{true: "yes", false: "no"}[w.Certified.Value])
	add(catalog.FieldFreshWithin, w.FreshWithin.Sent, w.FreshWithin.Null, catalog.FormatID(w.FreshWithin.Value))
	for path, wish := range w.Columns {
		add(catalog.ColumnField(path), true, wish.Null, wish.Value)
	}
	return out
}

type patchInput struct {
	DatasetPath
	Body struct {
		DatasetWishes
		Base string `json:"base,omitempty" pattern:"^[0-9]{1,18}$" doc:"newest_edit of the answer that this is based on: what was edited after it is a 409. Left out, later edits are written over."`
	}
}

// RegisterColumn is a column of a dataset that is registered.
type RegisterColumn struct {
	Path     string `json:"path" minLength:"1" maxLength:"1024" doc:"Dotted into structs; a part that holds a dot or a quote is in double quotes."`
	Type     string `json:"type" maxLength:"1024"`
	Nullable *bool  `json:"nullable,omitempty" doc:"True unless said otherwise."`
	Comment  string `json:"comment,omitempty"`
}

type registerInput struct {
	Again string `header:"Idempotency-Key" maxLength:"200" doc:"Sent again under the same key, the same registration is done once and answered twice."`
	Body  struct {
		DatasetWishes
		Name     string           `json:"name" minLength:"1" maxLength:"200"`
		Kind     string           `json:"kind" enum:"table,view,topic,file,api,dashboard"`
		Location string           `json:"location,omitempty" maxLength:"1024" doc:"Where it is."`
		Schema   []RegisterColumn `json:"schema,omitempty" maxItems:"20000" doc:"Its columns."`
	}
}

type registerAnswer struct {
	Location string `header:"Location"`
	Body     DatasetLink
}

// DatasetLink names a dataset that was written.
type DatasetLink struct {
	DatasetName
	URL string `json:"url" doc:"Of its page."`
}

// edits adds the operations of describing datasets and registering them.
func (e *endpoints) edits() {
	register(e, huma.Operation{
		OperationID: "edit-dataset", Method: http.MethodPatch, Path: "/datasets/{source}/{name}", Summary: "Describe a dataset", Tags: []string{"Catalog"},
		Description: "Changes the fields that are sent, all or none; null takes an earlier edit back, so that what is declared or observed holds again. " +
			"What is declared in a file is a 409, and so is what was edited after base.",
	}, scope(access.ScopeWrite, access.Owner), e.patchDataset)
	register(e, huma.Operation{
		OperationID: "register-dataset", Method: http.MethodPost, Path: "/datasets", Summary: "Register a dataset that no crawler sees", Tags: []string{"Catalog"},
		Description: "It must be the team's or the person's own: team is one of theirs, or owners holds them. A name that is taken is a 409.", DefaultStatus: http.StatusCreated,
	}, scope(access.ScopeWrite, access.Owner), e.postDataset)
}

func (e *endpoints) patchDataset(ctx context.Context, in *patchInput) (*answer[datasetAnswer], error) {
	d, err := e.dataset(ctx, in.DatasetPath)
	if err != nil {
		return nil, err
	}
	w, err := e.Catalog.Whole(ctx, d)
	if err != nil {
		return nil, err
	}
	if !w.MayEdit(caller(ctx)) {
		return nil, fault.Forbiddenf("%s is not yours to change: its owners, stewards of its domain and admins may", w.Key())
	}
	edits := in.Body.edits()
	if len(edits) == 0 {
		return nil, fault.Invalidf("/", "send at least one field to change")
	}
	if in.Body.Base != "" {
		if err := e.basedOn(ctx, &d, edits, in.Body.Base); err != nil {
			return nil, err
		}
	}
	if err := e.Catalog.Edit(ctx, actOf(ctx, in.Body.Reason), d.Key(), edits...); err != nil {
		return nil, pointed(err)
	}
	return e.getDataset(ctx, &in.DatasetPath)
}

// basedOn makes edits fail where a field was edited after the edit base.
func (e *endpoints) basedOn(ctx context.Context, d *catalog.Dataset, edits []catalog.Edit, base string) error {
	id := d.ID
	if d.MainID != nil {
		id = *d.MainID
	}
	newest, err := e.Catalog.NewestEdits(ctx, id)
	if err != nil {
		return err
	}
	seen, err := strconv.ParseInt(base, 10, 64)
	if err != nil {
		return fault.Invalidf("base", "base is newest_edit of an answer")
	}
	for i := range edits {
		at := min(newest[edits[i].Field], seen)
		edits[i].Base = &at
	}
	return nil
}

// pointed turns the field of an error about a column into the pointer of its place in the body.
func pointed(err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	path, ok := catalog.ColumnOf(f.Field)
	if !ok {
		return err
	}
	moved := *f
	moved.Field = "/columns/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(path)
	return &moved
}

func (e *endpoints) postDataset(ctx context.Context, in *registerInput) (*registerAnswer, error) {
	r := catalog.Registration{
		Name: strings.TrimSpace(in.Body.Name), Kind: catalog.Kind(in.Body.Kind), Location: strings.TrimSpace(in.Body.Location), Again: in.Again, Edits: in.Body.edits(),
	}
	slices.SortFunc(r.Edits, func(a, b catalog.Edit) int { return strings.Compare(a.Field, b.Field) }) // the same body is the same registration
	for i, c := range in.Body.Schema {
		r.Columns = append(r.Columns, catalog.Column{
			Position: i, Path: c.Path, Type: c.Type, Nullable: c.Nullable == nil || *c.Nullable, Comment: c.Comment,
		})
	}
	key, err := e.Catalog.Register(ctx, actOf(ctx, in.Body.Reason), r)
	if err != nil {
		err = pointed(err)
		if f, ok := errors.AsType[*fault.Error](err); ok && f.Field == "columns" {
			moved := *f
			moved.Field = "schema"
			err = &moved
		}
		return nil, err
	}
	return &registerAnswer{
		Location: apiRoot + strings.Replace(datasetURL(key, ""), "/d/", "/datasets/", 1),
		Body:     DatasetLink{DatasetName{key.Source, key.Name}, datasetURL(key, "")},
	}, nil
}
