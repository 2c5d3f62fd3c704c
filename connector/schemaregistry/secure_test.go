package schemaregistry_test

import (
	"encoding/pem"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"portreeve/fault"
)

// TestLogsIn checks who comes, over TLS with an authority of its own.
func TestLogsIn(t *testing.T) {
	t.Parallel()
	s := &server{names: many(3)}
	want := ""
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == want {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	running := httptest.NewUnstartedServer(s)
	running.Config.ErrorLog = log.New(io.Discard, "", 0) // of the client that does not trust it
	running.StartTLS()
	t.Cleanup(running.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: running.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c := crawl(t.Context(), open(t, map[string]string{"url": running.URL}), nil)
	if !strings.Contains(fault.Message(c.end), "certificate that is not trusted: see the setting ca_file") {
		t.Errorf("without the authority: %v", c.end)
	}
	for header, config := range map[string]map[string]string{
		"Bearer abc": {"token": "abc"}, "Basic YW5uOnB3": {"user": "ann", "password": "pw"}, "": {},
	} {
		want = header
		config["url"], config["ca_file"] = running.URL, ca
		if c := crawl(t.Context(), open(t, config), nil); c.end != nil || len(c.seen) != 3 {
			t.Errorf("%s: %d subjects, %v", header, len(c.seen), c.end)
		}
		want = "another"
		if c := crawl(t.Context(), open(t, config), nil); fault.KindOf(c.end) != fault.Forbidden || !strings.Contains(c.end.Error(), "does not accept") {
			t.Errorf("%s, refused: %v", header, c.end)
		}
	}
}

// TestSecretsStayOffTheWay checks that a password or a token goes to no address by http but this computer's.
func TestSecretsStayOffTheWay(t *testing.T) {
	t.Parallel()
	for _, secret := range []map[string]string{{"user": "ann", "password": "s3cr3t"}, {"token": "s3cr3t"}} {
		for address, refused := range map[string]bool{
			"http://r.test:8081": true, "https://r.test\nhttp://r.test": true, "http://127.0.0.1\nhttp://10.0.0.1": true,
			"http://localhost.r.test": true, "http://0.0.0.0": true, "http://127.1": true,
			"https://r.test\nHTTPS://other.test": false, "http://127.0.0.1:1\nhttp://[::1]:2\nhttp://LocalHost\nhttps://r.test": false,
		} {
			config := map[string]string{"url": address}
			maps.Copy(config, secret)
			if refused {
				wantField(t, config, "url")
			} else {
				open(t, config)
			}
		}
	}
	open(t, map[string]string{"url": "http://r.test"})
}

// TestVersionsAreBounded registers more and longer versions than are kept, at the real registry.
func TestVersionsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSystem(t, false)
	subject := ":" + s.context + ":long-value"
	for i := range 53 {
		s.register(t, subject, "JSON", `{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "title": "`+strconv.Itoa(i)+`"}`)
	}
	s.register(t, subject, "JSON", `{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "$comment": "`+
		strings.Repeat("long ", 100_000)+`", "properties": {"a": {"type": "string"}}}`)
	c := crawl(t.Context(), s.open(t, nil), nil)
	o := c.seen[subject]
	if c.end != nil || o.Detail.Schema == nil {
		t.Fatal(c.end, c.failed)
	}
	versions := o.Detail.Schema.Versions
	if len(versions) != 50 || versions[0].Version != 54 || versions[49].Version != 5 || o.Properties["older versions"] != "4 more in the registry" {
		t.Errorf("%d versions and %v", len(versions), o.Properties)
	}
	if text := versions[0].Text; len(text) != 256<<10 || !strings.HasSuffix(text, "… (cut here)") || paths(o) != "a" {
		t.Errorf("the text has %d bytes and ends in %q, the columns are %s", len(text), text[len(text)-20:], paths(o))
	}
}
