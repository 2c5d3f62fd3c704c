package web

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markdown renders a text that people wrote: headings from h3 on, lists, tables, code and links to web pages, mail addresses and
// pages here. HTML in it is left out, and of images only the words that stand for them are kept. What it returns is safe in any
// page, whatever the text.
func markdown(words string) templ.Component { return markdownOf(words, nil) }

// markdownOf is markdown in which the names of datasets that h knows of lead to them.
func markdownOf(words string, h *datasetHead) templ.Component {
	if !tame(words) {
		return asWritten(words)
	}
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var buf bytes.Buffer
		md, policy := markdownReader(), markdownPolicy()
		src := []byte(words)
		doc := md.Parser().Parse(text.NewReader(src))
		if h != nil {
			linkNames(doc, src, h)
		}
		if err := md.Renderer().Render(&buf, src, doc); err != nil {
			return err
		}
		_, err := policy.SanitizeReader(&buf).WriteTo(w)
		return err
	})
}

// markdownReader makes documents of texts. Raw HTML is not rendered, which is goldmark's default.
var markdownReader = sync.OnceValue(func() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(plainer{}, 100))),
	)
})

// markdownPolicy is what may stand in rendered Markdown: the second wall, should the first let something through.
var markdownPolicy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("h3", "h4", "h5", "h6", "p", "br", "hr", "em", "strong", "del", "blockquote", "ul", "ol", "li", "pre", "code",
		"table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("start").Matching(regexp.MustCompile(`^[0-9]{1,9}$`)).OnElements("ol")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`^(left|center|right)$`)).OnElements("th", "td")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowRelativeURLs(true)
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.AllowAttrs("rel").Matching(regexp.MustCompile(`^[a-z ]*$`)).OnElements("a")
	return p
})

// plainer makes headings fit below those of a page and images into their words, and says of links that they lead away.
type plainer struct{}

// Transform implements parser.ASTTransformer.
func (plainer) Transform(doc *ast.Document, r text.Reader, _ parser.Context) {
	var images []*ast.Image
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			n.Level = min(n.Level+2, 6)
		case *ast.Image:
			images = append(images, n)
		case *ast.Link, *ast.AutoLink:
			n.SetAttributeString("rel", []byte("noopener nofollow noreferrer"))
		}
		return ast.WalkContinue, nil
	})
	for _, image := range images {
		parent := image.Parent()
		for child := image.FirstChild(); child != nil; child = image.FirstChild() {
			parent.InsertBefore(parent, image, child)
		}
		parent.RemoveChild(parent, image)
	}
}

// linkNames makes links of the names of datasets in doc, but in links and code blocks.
func linkNames(doc ast.Node, src []byte, h *datasetHead) {
	var texts []*ast.Text
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Link, *ast.AutoLink, *ast.CodeSpan:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			if entering {
				texts = append(texts, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, t := range texts {
		linkNamesIn(t, src, h)
	}
}

// linkNamesIn splits one text at the names that lead somewhere.
func linkNamesIn(t *ast.Text, src []byte, h *datasetHead) {
	parts := h.parts(string(t.Segment.Value(src)))
	if len(parts) < 2 && (len(parts) == 0 || parts[0].URL == "") {
		return
	}
	parent, at := t.Parent(), t.Segment.Start
	for i, part := range parts {
		piece := ast.NewTextSegment(text.NewSegment(at, at+len(part.Text)))
		at += len(part.Text)
		if i == len(parts)-1 {
			piece.SetSoftLineBreak(t.SoftLineBreak())
			piece.SetHardLineBreak(t.HardLineBreak())
		}
		if part.URL == "" {
			parent.InsertBefore(parent, t, piece)
			continue
		}
		link := ast.NewLink()
		link.Destination = []byte(part.URL)
		link.AppendChild(link, piece)
		parent.InsertBefore(parent, t, link)
	}
	parent.RemoveChild(parent, t)
}

// plainText is the words of a Markdown text, for where a line of it stands.
func plainText(words string) string {
	if !tame(words) {
		return strings.TrimSpace(words)
	}
	src := []byte(words)
	var b strings.Builder
	_ = ast.Walk(markdownReader().Parser().Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(util.UnescapePunctuations(n.Segment.Value(src)))
				if n.SoftLineBreak() || n.HardLineBreak() {
					b.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		case *ast.AutoLink:
			if entering {
				b.Write(n.Label(src))
			}
		default:
			if !entering && n.Type() == ast.TypeBlock {
				b.WriteString("\n")
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(b.String())
}
