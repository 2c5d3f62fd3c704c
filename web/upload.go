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
)

// bodyLimits are the most bytes that a request may send to paths that take files.
var bodyLimits = map[string]int64{"/data/sheet": catalog.MaxSheet + maxBody, "/register": catalog.MaxSheet + maxBody}

// bodyLimit returns the most bytes that a request may send.
func bodyLimit(r *http.Request) int64 {
	if limit, ok := bodyLimits[r.URL.Path]; ok && r.Method == http.MethodPost {
		return limit
	}
	return maxBody
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
	if limit := bodyLimit(r); r.ContentLength > limit {
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
			return u, nil
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
