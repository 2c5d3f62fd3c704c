package web

import (
	"bytes"
	"compress/gzip"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

// gzipFrom is the size in bytes from which compressing a page saves more than it costs.
const gzipFrom = 1400

// render writes the whole page, or only the named fragments of it when htmx asked for a part.
func render(c echo.Context, code int, page templ.Component, fragments ...string) error {
	var buf bytes.Buffer
	ctx, err := c.Request().Context(), error(nil)
	if len(fragments) > 0 && partial(c) {
		ids := make([]any, len(fragments))
		for i, f := range fragments {
			ids[i] = f
		}
		err = templ.RenderFragments(ctx, &buf, page, ids...)
	} else {
		err = page.Render(ctx, &buf)
	}
	if err != nil {
		return err // nothing was sent yet, so the error page is whole
	}
	c.Response().Header().Add("Vary", "HX-Request-Type, Accept-Encoding")
	body := buf.Bytes()
	if len(body) >= gzipFrom && takesGzip(c) {
		if small := gzipped(body, gzip.BestSpeed); small != nil {
			c.Response().Header().Set("Content-Encoding", "gzip")
			body = small
		}
	}
	return c.HTMLBlob(code, body)
}

// partial reports whether htmx asked for a part of a page: it says "full" when the answer replaces the whole page.
func partial(c echo.Context) bool { return c.Request().Header.Get("HX-Request-Type") == "partial" }
