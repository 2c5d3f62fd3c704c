package web

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/web/ui"
)

func TestSchemasOfATopic(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	doc := s.page("/d/events/orders/schemas")
	wantText(t, doc, ".toolbar", "Version 3 of orders-value is the newest of 3 versions, from events-registry orders-value.")
	wantText(t, doc, ".seg [aria-current]", "Value 3")
	wantText(t, doc, ".facts", "backward: a new schema reads data of the one before (the registry's own rule)")
	wantText(t, doc, ".diff .add", `"name": "extra_2"`)
	if n := doc.Find(".diff .del").Length(); n > 1 {
		t.Errorf("%d lines went, and a field was only added", n)
	}
	wantText(t, doc, "#schema-text", `"doc": "Who <b>ordered</b>"`)
	if doc.Find("#schema-text b").Length() != 0 {
		t.Error("a schema's text became markup")
	}
	if links := doc.Find("ul.list a"); links.Length() != 1 || links.AttrOr("href", "") != "/d/events-registry/money" {
		t.Errorf("references lead to %q", links.AttrOr("href", ""))
	}
	wantText(t, doc, "ul.list", "nowhere version 2")
	first := s.page("/d/events/orders/schemas?subject=orders-value&version=1")
	wantText(t, first, ".toolbar", "the newest is 3")
	if first.Find(".diff").Length() != 0 {
		t.Error("the first version is compared with none")
	}
	wantText(t, s.page("/d/events/orders/schemas?subject=orders-key"), "#schema-text", `"long"`)
	wantText(t, s.page("/d/events-registry/money/schemas"), "#schema-text .tok-k", "message")
	for query, want := range map[string]string{
		"?version=9":                    "The subject orders-value has no version 9 here. This is the newest that there is.",
		"?subject=none":                 "It has no schema “none”.",
		"?subject=orders-key&version=x": "The subject orders-key has no version x here.",
	} {
		doc := s.page("/d/events/orders/schemas" + query)
		wantText(t, doc, "main > .callout", want)
		wantText(t, doc, ".toolbar", "is the newest of")
	}
}

func TestSchemaDownload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	a := s.do(http.MethodGet, "/d/events/orders/schemas/3.txt?subject=orders-value")
	if !strings.HasPrefix(a.body, `{"type":"record"`) || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v %.60s", a.StatusCode, a.Header, a.body)
	}
	if got := a.Header.Get("Content-Disposition"); !strings.Contains(got, `filename="orders-value-v3.txt"`) {
		t.Errorf("disposition %q", got)
	}
	for _, file := range []string{"9.txt", "3", ".txt", "..txt"} {
		if a := s.do(http.MethodGet, "/d/events/orders/schemas/"+file); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s = %d", file, a.StatusCode)
		}
	}
}

func TestDiffTexts(t *testing.T) {
	t.Parallel()
	ten := strings.Join([]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}, "\n")
	many := func(what string) string {
		var lines []string
		for i := range 2000 {
			lines = append(lines, what+strconv.Itoa(i))
		}
		return strings.Join(lines, "\n")
	}
	for _, tt := range []struct {
		name, old, now string
		want           []ui.DiffLine
	}{
		{"the same", "a", "a", []ui.DiffLine{{Sign: "@", Text: "the same text"}}},
		{"a line comes", "a\nc", "a\nb\nc", []ui.DiffLine{{Text: "a"}, {Sign: "+", Text: "b"}, {Text: "c"}}},
		{"a line goes", "a\nb\nc", "a\nc", []ui.DiffLine{{Text: "a"}, {Sign: "−", Text: "b"}, {Text: "c"}}},
		{"a line is another", "a", "b", []ui.DiffLine{{Sign: "−", Text: "a"}, {Sign: "+", Text: "b"}}},
		{"far from each other", ten, "0\n" + strings.Replace(ten, "10", "X", 1), []ui.DiffLine{
			{Sign: "+", Text: "0"},
			{Text: "1"},
			{Text: "2"},
			{Text: "3"},
			{Sign: "@", Text: "3 lines the same"},
			{Text: "7"},
			{Text: "8"},
			{Text: "9"},
			{Sign: "−", Text: "10"},
			{Sign: "+", Text: "X"},
		}},
		{"all is another", many("a"), many("b"), []ui.DiffLine{{Sign: "@", Text: "too different to compare line by line: 2,000 lines became 2,000"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, diffTexts(tt.old, tt.now)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever two texts are, the lines that stay and go make the old one, and those that stay and come the new one.
func FuzzEdits(f *testing.F) {
	f.Add("a\nb\nc", "a\nc\nd")
	f.Add("", "x")
	f.Add("a\na\nb\na", "b\na\na\nb")
	f.Fuzz(func(t *testing.T, old, now string) {
		a, b := strings.Split(old, "\n"), strings.Split(now, "\n")
		all, ok := edits(a, b)
		if !ok {
			if len(a)+len(b) <= diffEffort {
				t.Fatalf("%d and %d lines are too many", len(a), len(b))
			}
			return
		}
		var gotA, gotB []string
		for _, e := range all {
			if e.sign != "+" {
				gotA = append(gotA, e.text)
			}
			if e.sign != "−" {
				gotB = append(gotB, e.text)
			}
		}
		if !cmp.Equal(a, gotA) || !cmp.Equal(b, gotB) {
			t.Errorf("%q to %q by %v", old, now, all)
		}
	})
}

// Foreign JSON is indented only while it stays readable.
func FuzzReadable(f *testing.F) {
	f.Add(`{"a":[1,2,{"b":"\"[["}]}`)
	f.Add(strings.Repeat("[", 100_000))
	f.Add(strings.Repeat("[", 60) + strings.Repeat("1,", 20_000))
	f.Fuzz(func(t *testing.T, text string) {
		if got := readable(text); len(got) > len(text) && len(got) > 2*readableSize {
			t.Errorf("%d bytes became %d", len(text), len(got))
		}
	})
}

func TestReadable(t *testing.T) {
	t.Parallel()
	if got := readable(`{"a":[1]}`); got != "{\n  \"a\": [\n    1\n  ]\n}" {
		t.Errorf("got %q", got)
	}
	for _, text := range []string{"", "syntax = \"proto3\";", "{broken", strings.Repeat("[", 70) + strings.Repeat("]", 70), "[" + strings.Repeat("1,", 400_000) + "1]"} {
		if got := readable(text); got != text {
			t.Errorf("%.30q was changed to %.60q", text, got)
		}
	}
}
