package estate

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"portreeve/catalog"
	"portreeve/fault"
)

// reference is a place where a value stands that is kept elsewhere: ${NAME} or ${file:/path}.
type reference struct {
	text string // as written
	name string // of the variable, or ""
	path string // of the file, or ""
}

// maxSecret is the most bytes that a referenced file may have.
const maxSecret = 64 << 10

var variables = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// references returns the references in a text, and what is wrong with one, if anything.
func references(text string) (refs []reference, problem string) {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "${")
		if !found {
			return refs, ""
		}
		inner, after, closed := strings.Cut(after, "}")
		if !closed {
			return refs, "a ${ has no } that ends it"
		}
		ref := reference{text: "${" + inner + "}"}
		switch path, isFile := strings.CutPrefix(inner, "file:"); {
		case isFile && (!filepath.IsAbs(path) || filepath.Clean(path) != path):
			return refs, "a reference to a file has its whole path, such as ${file:/run/secrets/password}"
		case isFile:
			ref.path = path
		case !variables.MatchString(inner):
			return refs, "a reference is written ${NAME} for a variable or ${file:/path} for a file"
		case strings.HasPrefix(inner, "PORTREEVE_"), inner == "DATABASE_URL":
			return refs, "DATABASE_URL and variables whose names begin with PORTREEVE_ are the portal’s own: choose another name than " + line(inner, 60)
		default:
			ref.name = inner
		}
		refs, rest = append(refs, ref), after
	}
}

func hasReference(text string) bool { return strings.Contains(text, "${") }

// resolve returns what a reference stands for, or what is wrong with it. A file's last line end is no part of it.
func (ref reference) resolve(env func(string) (string, bool)) (value, problem string) {
	if ref.path == "" {
		value, set := env(ref.name)
		switch {
		case !set:
			return "", "the variable " + ref.name + " is not set"
		case value == "":
			return "", "the variable " + ref.name + " is empty"
		}
		return value, ""
	}
	text, err := readSecret(ref.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "there is no file " + ref.path
	case errors.Is(err, fs.ErrPermission):
		return "", "the file " + ref.path + " may not be read"
	case err != nil:
		return "", "the file " + ref.path + " cannot be read: it must be a plain file of at most 64 KiB"
	}
	value = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	switch {
	case value == "":
		return "", "the file " + ref.path + " is empty"
	case strings.ContainsRune(value, 0):
		return "", "the file " + ref.path + " holds no text"
	}
	return value, ""
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() { // before it is opened: a pipe would wait for its writer
		return "", fs.ErrInvalid
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // read from only
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(text) > maxSecret {
		err = fs.ErrInvalid
	}
	return string(text), err
}

// Expand returns src with what its references stand for in their place: a copy for the moment of connecting, that is never
// stored or shown. In the user and the query of an address they are escaped. Invalid tells which reference leads nowhere, with the
// setting as its field.
func Expand(src catalog.Source, env func(string) (string, bool)) (catalog.Source, error) {
	config := make(map[string]string, len(src.Config))
	for name, text := range src.Config {
		if IsDeclared(name) {
			continue
		}
		value, problem := expand(text, env)
		if problem != "" {
			return catalog.Source{}, fault.Invalidf(name, "the setting %s of %s: %s", name, src.Slug, problem)
		}
		config[name] = value
	}
	src.Config = config
	return src, nil
}

func expand(text string, env func(string) (string, bool)) (string, string) {
	refs, problem := references(text)
	if problem != "" {
		return "", problem
	}
	var b strings.Builder
	written := text
	for _, ref := range refs {
		value, problem := ref.resolve(env)
		if problem != "" {
			return "", problem
		}
		before, after, _ := strings.Cut(text, ref.text)
		b.WriteString(before)
		b.WriteString(fitting(value, written[:len(written)-len(ref.text)-len(after)], after))
		text = after
	}
	b.WriteString(text)
	return b.String(), ""
}

// fitting returns a value escaped for its place if that is the user or the query of an address.
func fitting(value, before, after string) string {
	before = before[strings.LastIndexByte(before, '\n')+1:]
	_, begun, found := strings.Cut(before, "://")
	at, end := strings.IndexByte(after, '@'), strings.IndexAny(after, "/?#\n")
	switch {
	case !found:
		return value
	case strings.Contains(begun, "?"):
		return url.QueryEscape(value)
	case !strings.ContainsAny(begun, "/#@") && at >= 0 && (end < 0 || at < end):
		return url.UserPassword("", value).String()[1:]
	}
	return value
}
