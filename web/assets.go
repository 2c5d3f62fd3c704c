package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

// files are the styles, scripts and pictures, as web/build made them.
//
//go:embed all:assets
var files embed.FS

// assetFile is a file of web/assets.
type assetFile struct {
	kind    string // content type
	hash    string // of its content
	plain   []byte
	gzipped []byte // nil when that is no smaller
}

// assets reads web/assets once: the files are part of the program and never change while it runs.
var assets = sync.OnceValue(func() map[string]assetFile {
	found := map[string]assetFile{}
	err := fs.WalkDir(files, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		found[strings.TrimPrefix(name, "assets/")] = assetFile{
			kind: assetKind(name), hash: hex.EncodeToString(sum[:6]), plain: content, gzipped: gzipped(content, gzip.BestCompression),
		}
		return nil
	})
	if err != nil {
		panic(err) // cannot be: the files are in memory
	}
	return found
})

// assetKind returns the content type of a file by its extension, without asking the machine's own table.
func assetKind(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".woff2":
		return "font/woff2"
	case ".json":
		return "application/json"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// gzipped returns content compressed, or nil when that is no smaller.
func gzipped(content []byte, level int) []byte {
	var buf bytes.Buffer
	z, _ := gzip.NewWriterLevel(&buf, level) // the levels used here exist
	z.Write(content)                         //nolint:errcheck // a Buffer takes everything
	z.Close()                                //nolint:errcheck // likewise
	if buf.Len() >= len(content) {
		return nil
	}
	return buf.Bytes()
}

// asset returns the address of a file of web/assets, such as asset("app.js"). It changes with the file's content, so that
// browsers may keep it forever.
func asset(name string) string {
	if f, ok := assets()[name]; ok {
		return "/assets/" + name + "?v=" + f.hash
	}
	return "/assets/" + name
}

func assetRoutes() []route {
	return []route{{http.MethodGet, "/assets/*", public, getAsset}}
}

// getAsset sends a file. Under the address that asset makes it may be kept forever; under any other it is asked for again.
func getAsset(c echo.Context) error {
	f, ok := assets()[c.Param("*")]
	if !ok {
		return echo.ErrNotFound
	}
	h := c.Response().Header()
	h.Set("ETag", `"`+f.hash+`"`)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if c.QueryParam("v") == f.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.Contains(c.Request().Header.Get("If-None-Match"), f.hash) {
		return c.NoContent(http.StatusNotModified)
	}
	if f.gzipped != nil && takesGzip(c) {
		h.Set("Content-Encoding", "gzip")
		return c.Blob(http.StatusOK, f.kind, f.gzipped)
	}
	return c.Blob(http.StatusOK, f.kind, f.plain)
}

// takesGzip reports whether the client understands gzip. Every one that names it does; none names it to refuse it.
func takesGzip(c echo.Context) bool {
	return strings.Contains(c.Request().Header.Get("Accept-Encoding"), "gzip")
}
