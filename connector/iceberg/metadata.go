package iceberg

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/view"

	"portreeve/fault"
)

// maxMetadata is the largest metadata file that is read, in bytes. One is held in memory at a time, about five times its size;
// a compressed one may be an eighth of it.
const maxMetadata = 32 << 20

// loadTable reads the metadata file of a table. What it cannot read is Unavailable.
func loadTable(ctx context.Context, e entry) (_ *table.Table, err error) {
	defer recoverDamaged(e, &err)
	t, err := table.NewFromLocation(ctx, e.path(), e.Metadata, openLocal, nil)
	if err != nil {
		return nil, metadataFault(e, err)
	}
	if t.Schema() == nil {
		return nil, metadataFault(e, errors.New("no current schema"))
	}
	return t, nil
}

// loadView reads the metadata file of a view. What it cannot read is Unavailable.
func loadView(e entry) (_ view.Metadata, err error) {
	defer recoverDamaged(e, &err)
	data, err := localFiles{}.ReadFile(e.Metadata)
	if err == nil {
		data, err = plain(data)
	}
	if err != nil {
		return nil, metadataFault(e, err)
	}
	m, err := view.ParseMetadataBytes(data)
	if err != nil {
		return nil, metadataFault(e, err)
	}
	return m, nil
}

// plain unpacks what is gzipped, as Trino writes the metadata of views: iceberg-go does that for tables only.
func plain(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err == nil && len(out) > maxMetadata {
		err = fault.Unavailablef(nil, "the metadata file is too large: more than %d MiB", maxMetadata>>20)
	}
	return out, err
}

// recoverDamaged turns a panic of iceberg-go over a file that is well-formed JSON and nonsense otherwise into an error: one bad
// table must not end the crawl of all.
func recoverDamaged(e entry, err *error) {
	if r := recover(); r != nil {
		*err = metadataFault(e, fmt.Errorf("panic: %v", r))
	}
}

// metadataFault says what is wrong with the metadata file of e. It names the file without its folder: whole paths are the
// operator's business.
func metadataFault(e entry, err error) error {
	name := fault.Line(e.Metadata[strings.LastIndexByte(e.Metadata, '/')+1:], maxName)
	switch {
	case e.Metadata == "":
		return fault.Unavailablef(err, "the Iceberg catalog names no metadata file")
	case fault.KindOf(err) != fault.Internal:
		return err
	case errors.Is(err, fs.ErrNotExist):
		return fault.Unavailablef(err, "the metadata file is missing: %s", name)
	case errors.Is(err, fs.ErrPermission):
		return fault.Unavailablef(err, "the metadata file may not be read: %s", name)
	}
	return fault.Unavailablef(err, "the metadata file is damaged: %s", name)
}

// localFiles gives iceberg-go the local disk, to read only.
type localFiles struct{}

func openLocal(context.Context) (icebergio.IO, error) { return localFiles{}, nil }

// Open opens the regular file at a file:// address or absolute path.
func (localFiles) Open(address string) (icebergio.File, error) {
	path, err := localPath(address)
	if err != nil {
		return nil, err
	}
	return openRegular(path)
}

// openRegular opens a file that is one: a device would be read without end, and opening a pipe would wait for its writer.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fault.Unavailablef(nil, "%s is not a regular file", fault.Line(filepath.Base(path), maxName))
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// ReadFile returns a whole file, which is a metadata file and of bounded size.
func (localFiles) ReadFile(address string) ([]byte, error) {
	path, err := localPath(address)
	if err != nil {
		return nil, err
	}
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	limit := int64(maxMetadata)
	if strings.Contains(filepath.Base(path), ".gz") || strings.Contains(filepath.Base(path), ".zstd") {
		limit /= 8
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fault.Unavailablef(nil, "the metadata file is too large: more than %d MiB", limit>>20)
	}
	return content, err
}

// Remove refuses: a crawler changes nothing.
func (localFiles) Remove(address string) error {
	return &fs.PathError{Op: "remove", Path: address, Err: fs.ErrPermission}
}

// localPath returns the path that a file address or absolute path names, or Unavailable for files elsewhere. Some writers
// percent-encode addresses and some do not: the path as written is taken if there is such a file, else the decoded one.
func localPath(address string) (string, error) {
	scheme, rest, found := strings.Cut(address, ":")
	switch {
	case strings.HasPrefix(address, "/"):
		return filepath.Clean(address), nil
	case found && strings.EqualFold(scheme, "file"):
		host, path := "", rest
		if authority, ok := strings.CutPrefix(rest, "//"); ok {
			host, path, _ = strings.Cut(authority, "/")
			path = "/" + path
		}
		if (host != "" && !strings.EqualFold(host, "localhost")) || !strings.HasPrefix(path, "/") {
			break
		}
		return decoded(filepath.Clean(path)), nil
	case found && strings.HasPrefix(rest, "//"):
		return "", fault.Unavailablef(nil, "a file lies in %s storage; only the local disk can be read here", fault.Line(strings.ToLower(scheme), 100))
	}
	return "", fault.Unavailablef(nil, "the address of a file is not one of the local disk")
}

func decoded(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	if _, err := os.Lstat(path); err == nil {
		return path
	}
	plain, err := url.PathUnescape(path)
	if err != nil {
		return path
	}
	return filepath.Clean(plain)
}
