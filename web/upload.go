package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
)

// bodyLimits are the most bytes that a request may send to routes that take files.
var bodyLimits = map[string]int64{"/data/sheet": catalog.MaxSheet + maxBody, "/register": catalog.MaxSheet + maxBody}

// admitBody lets a request whose sender may use its route send as much as the route takes.
func admitBody(c echo.Context) {
	if limit, ok := bodyLimits[c.Path()]; ok && requestOf(c).body != nil {
		bodyOf(c, limit)
	}
}

// bodyOf bounds the request's body, of which nothing has been read yet.
func bodyOf(c echo.Context, limit int64) {
	c.Request().Body = http.MaxBytesReader(c.Response().Writer, requestOf(c).body, limit)
}

// upload is a form with a file.
type upload struct {
	values url.Values
	name   string // of the file, as its sender calls it
	file   []byte // nil: none was chosen
}

// uploaded reads a form with one file, which it holds in memory: bodyLimit bounds it. A form that says beforehand that it is
// larger is refused before any of it is read.
func uploaded(c echo.Context) (upload, error) {
	r := c.Request()
	if limit, ok := bodyLimits[c.Path()]; ok && r.ContentLength > limit {
		return upload{}, tooLarge(limit)
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); kind != "multipart/form-data" {
		values, err := posted(c)
		return upload{values: values}, err
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return upload{}, echo.NewHTTPError(http.StatusBadRequest, "The form cannot be read.")
	}
	u := upload{values: url.Values{}}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return u, textOnly(u.values)
		}
		if err != nil {
			return u, unreadable(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return u, unreadable(err)
		}
		switch {
		case part.FileName() != "":
			u.name, u.file = part.FileName(), content
		case part.FormName() != "file" && len(u.values) < 100:
			u.values.Add(part.FormName(), string(content))
		}
	}
}

// textOnly returns an error that names the field which holds what is no text.
func textOnly(form url.Values) error {
	for name, values := range form {
		if !isText(name) {
			return fault.Invalidf("", "the form holds bytes that are no text")
		}
		for _, v := range values {
			if !isText(v) {
				return fault.Invalidf(name, "this holds characters that are no text")
			}
		}
	}
	return nil
}

// unreadable is the error of a form that breaks off, or is too large.
func unreadable(err error) error {
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(large.Limit)
	}
	return echo.NewHTTPError(http.StatusBadRequest, "The form cannot be read.")
}

func tooLarge(limit int64) error {
	return echo.NewHTTPError(http.StatusRequestEntityTooLarge, "A file may have at most "+strconv.FormatInt((limit-maxBody)>>20, 10)+" MiB.")
}
