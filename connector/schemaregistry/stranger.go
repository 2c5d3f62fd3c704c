package schemaregistry

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"strconv"

	"portreeve/fault"
)

// stranger is an answer that is not in the form of a registry's.
type stranger struct {
	host, kind string // kind is "404, text/html"
	says       string // how it begins, "" if that may tell a secret
}

// Error says how the answer begins.
func (s *stranger) Error() string {
	if s.says == "" {
		return s.kind
	}
	return "it says " + s.says
}

// stranger describes an answer that begins with head.
func (c *client) stranger(resp *http.Response, head []byte) *stranger {
	kind := strconv.Itoa(resp.StatusCode)
	if content, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); content != "" {
		kind += ", " + fault.Line(content, 60)
	}
	odd := &stranger{host: resp.Request.URL.Host, kind: kind}
	for _, secret := range []string{c.password, c.token, base64.StdEncoding.EncodeToString([]byte(c.user + ":" + c.password))} {
		if c.password+c.token != "" && secret != "" && bytes.Contains(head, []byte(secret[:min(len(secret), 12)])) {
			return odd // it repeats what we said of ourselves
		}
	}
	odd.says = fault.Line(string(head), 200)
	return odd
}

// beginning remembers how what is read through it begins.
type beginning struct {
	from io.Reader
	text []byte
}

// Read reads on.
func (b *beginning) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if room := 4<<10 - len(b.text); room > 0 {
		b.text = append(b.text, p[:min(n, room)]...)
	}
	return n, err
}
