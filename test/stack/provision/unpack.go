package provision

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// untar unpacks a .tar.gz into dir, without the folder top that all in it may lie in.
func untar(ctx context.Context, file, dir, top string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for archive := tar.NewReader(plain); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = putEntry(root, h, archive, top)
		}
		if err != nil {
			return err
		}
	}
}

func putEntry(root *os.Root, h *tar.Header, content io.Reader, top string) error {
	name := within(h.Name, top)
	if name == "." || name == "" {
		return nil
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		return put(root, name, content, h.FileInfo().Mode())
	case tar.TypeLink: // Trino's plugins share their jars so
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		return root.Link(within(h.Linkname, top), name)
	case tar.TypeSymlink:
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		return root.Symlink(h.Linkname, name)
	}
	return nil
}

// unzip unpacks what lies in the folder top of a zip file into dir.
func unzip(ctx context.Context, file, dir, top string) error {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer archive.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, entry := range archive.File {
		if !strings.HasPrefix(entry.Name, top+"/") || strings.HasSuffix(entry.Name, "/") {
			continue
		}
		content, err := entry.Open()
		if err == nil {
			err = errors.Join(ctx.Err(), put(root, within(entry.Name, top), content, entry.Mode()), content.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// within returns an entry's name inside the folder top.
func within(name, top string) string {
	name = path.Clean(name)
	if name == top {
		return "."
	}
	return strings.TrimPrefix(name, top+"/")
}

// put writes a file that others may read, and run if its mode says that somebody may.
func put(root *os.Root, name string, content io.Reader, mode fs.FileMode) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	perm := fs.FileMode(0o644)
	if mode&0o111 != 0 {
		perm = 0o755
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}
