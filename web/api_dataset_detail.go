package web

import "portreeve/catalog"

// otherName is another dataset that is the same thing, as the API tells it.
type otherName struct {
	Source   string `json:"source"`
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Rule     string `json:"rule" doc:"Why it is the same thing."`
	Evidence string `json:"evidence" doc:"The identifier that both have."`
	Part     string `json:"part" enum:",key,value" doc:"Of a topic, where it is about one of the two only."`
}

// WholeAnswer is what the API tells of a dataset beyond its head.
type WholeAnswer struct {
	Standing    string                 `json:"standing" enum:"holds,serves,describes" doc:"How close it is to the data."`
	SameAs      *DatasetName           `json:"same_as" doc:"The dataset whose page shows this one; null when it has its own."`
	AlsoKnownAs []otherName            `json:"also_known_as" doc:"The other names of the same thing, closest to the data first."`
	Estimated   []string               `json:"estimated" doc:"Which of the counts are estimates: rows, bytes."`
	Definition  fact[string]           `json:"definition" doc:"A view's SQL, a model's code; empty where there is none."`
	From        map[string]DatasetName `json:"from" doc:"By name, values that were taken from another dataset that is the same thing."`
	Detail      detailAnswer           `json:"detail" doc:"What only some kinds have."`
}

// detailAnswer is what only some kinds of datasets have. What there is none of is null or empty.
type detailAnswer struct {
	Topic   *catalog.TopicDetail `json:"topic"`
	Schemas []schemaAnswer       `json:"schemas" doc:"Subjects of a schema registry, without the text of their versions: …/schemas/{version}.txt of the page has it."`
	Models  []modelAnswer        `json:"models" doc:"Resources of dbt."`
	Keys    []catalog.TableKey   `json:"keys"`
	Refs    []catalog.TableRef   `json:"refs" doc:"Branches and tags beside the main branch."`
}

type schemaAnswer struct {
	In            DatasetName     `json:"in"`
	Subject       string          `json:"subject"`
	Format        string          `json:"format"`
	Compatibility string          `json:"compatibility"`
	Inherited     bool            `json:"inherited" doc:"Whether the compatibility is the registry's own."`
	Part          string          `json:"part" enum:",key,value"`
	Versions      []schemaVersion `json:"versions" doc:"Newest first."`
}

type schemaVersion struct {
	Version    int                       `json:"version"`
	ID         int                       `json:"id"`
	Bytes      int                       `json:"bytes"`
	URL        string                    `json:"url" doc:"Of its text, for browsers."`
	References []catalog.SchemaReference `json:"references"`
}

type modelAnswer struct {
	In DatasetName `json:"in"`
	catalog.ModelDetail
}

var standings = map[catalog.Standing]string{catalog.Holds: "holds", catalog.Serves: "serves", catalog.Describes: "describes"}

// showWhole tells of w. d is the dataset that was asked for: w itself, or another of its names.
func showWhole(d *catalog.Dataset, w *catalog.Whole) WholeAnswer {
	out := WholeAnswer{
		Standing: standings[w.Standing], AlsoKnownAs: []otherName{}, Estimated: orEmpty(w.Estimated), Definition: observed(&w.Dataset, w.Definition),
		From: map[string]DatasetName{}, Detail: showDetail(w),
	}
	if d.ID != w.ID {
		out.SameAs = &DatasetName{w.Source, w.Name}
		out.Standing = standings[d.Standing]
	}
	for i := range w.Others {
		o := &w.Others[i]
		out.AlsoKnownAs = append(out.AlsoKnownAs, otherName{o.Source, o.Name, string(o.Kind), o.MainRule, o.MainEvidence, o.Part})
	}
	for field, key := range w.From {
		out.From[field] = DatasetName{key.Source, key.Name}
	}
	return out
}

func showDetail(w *catalog.Whole) detailAnswer {
	h := &datasetHead{Whole: *w}
	out := detailAnswer{Topic: w.Detail.Topic, Schemas: []schemaAnswer{}, Models: []modelAnswer{}, Keys: orEmpty(w.Detail.Keys), Refs: orEmpty(w.Detail.Refs)}
	for _, s := range h.subjects() {
		shown := schemaAnswer{
			In: DatasetName{s.Of.Source, s.Of.Name}, Subject: s.Subject, Format: s.Format, Compatibility: s.Compatibility, Inherited: s.Inherited,
			Part: s.Part, Versions: []schemaVersion{},
		}
		for _, v := range s.Versions {
			shown.Versions = append(shown.Versions, schemaVersion{v.Version, v.ID, v.Bytes, versionFileURL(h, &s, v.Version), orEmpty(v.References)})
		}
		out.Schemas = append(out.Schemas, shown)
	}
	for _, m := range h.models() {
		out.Models = append(out.Models, modelAnswer{DatasetName{m.Of.Source, m.Of.Name}, m.ModelDetail})
	}
	return out
}
