package web

import (
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"portreeve/catalog"
)

func rendered(t *testing.T, words string, h *datasetHead) string {
	t.Helper()
	var b strings.Builder
	if err := markdownOf(words, h).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	const nowhere = `<p><a rel="noopener nofollow noreferrer">a</a></p>` // a link without an address does nothing
	tests := []struct{ name, text, want string }{
		{"words", "a *b* **c** `d`", "<p>a <em>b</em> <strong>c</strong> <code>d</code></p>"},
		{"headings begin below those of the page", "# a\n\n##### b", "<h3>a</h3>\n<h6>b</h6>"},
		{"raw HTML is left out", "a <b onclick=x>b</b> <!-- c -->", "<p>a b </p>"},
		{"blocks of HTML are left out", "<script>x()</script>\n\na", "<p>a</p>"},
		{"an image is its words", "![cat](https://elsewhere.example/x.png) b", "<p>cat b</p>"},
		{"links lead away without a trace", "[a](https://b.example)", `<p><a href="https://b.example" rel="noopener nofollow noreferrer">a</a></p>`},
		{"mail", "[a](mailto:a@b.example)", `<p><a href="mailto:a@b.example" rel="noopener nofollow noreferrer">a</a></p>`},
		{"no script behind a link", "[a](javascript:alert(1))", nowhere},
		{"no script behind an escaped link", "[a](java&#115;cript:alert(1))", nowhere},
		{"no data behind a link", "[a](data:text/html;base64,PHNjcmlwdD4=)", nowhere},
		{"no local files", "[a](file:///etc/passwd)", nowhere},
		{"attributes cannot be broken out of", `[a](https://b.example/"onmouseover="x)`, `<p><a href="https://b.example/%22onmouseover=%22x" rel="noopener nofollow noreferrer">a</a></p>`},
		{"code is shown as it is", "```\n<script>\n```", "<pre><code>&lt;script&gt;\n</code></pre>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := rendered(t, tt.text, nil); got != tt.want {
				t.Errorf("%q\n got %s\nwant %s", tt.text, got, tt.want)
			}
		})
	}
}

func TestMarkdownTable(t *testing.T) {
	t.Parallel()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(rendered(t, "|a|b|\n|:-|-:|\n|1|2|", nil)))
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.Find("table tbody td").Text(); got != "12" {
		t.Errorf("cells hold %q, want 12", got)
	}
}

func TestMarkdownNamesDatasets(t *testing.T) {
	t.Parallel()
	h := &datasetHead{Links: map[string]catalog.Key{"raw.flights": {Source: "lake", Name: "raw.flights"}}}
	got := rendered(t, "See raw.flights,\nnot `raw.flights` or [raw.flights](https://b.example)", h)
	if n := strings.Count(got, `href="/d/lake/raw.flights"`); n != 1 {
		t.Errorf("%d links to the dataset, want 1: %s", n, got)
	}
	if !strings.Contains(got, "</a>,\nnot") {
		t.Errorf("the text around the name is changed: %s", got)
	}
}

func TestPlainText(t *testing.T) {
	t.Parallel()
	const text = "# What\n\nOne [row](https://a.example) per **flight**\nand `day`.\n\n- a\n- b <b>c</b>"
	if got, want := strings.Join(strings.Fields(plainText(text)), " "), "What One row per flight and day. a b c"; got != want {
		t.Errorf("plainText = %q, want %q", got, want)
	}
}
