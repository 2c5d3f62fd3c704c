package trino

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portreeve/catalog"
	"portreeve/fault"
)

// The password goes to the server of the settings and to nobody else, whatever address an answer names as the next one.
func TestPasswordStaysWithItsServer(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 100)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Header.Get("Authorization") }))
	t.Cleanup(other.Close)
	trino := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":"1","nextUri":"` + other.URL + `/v1/statement/x","stats":{"state":"QUEUED"}}`))
	}))
	t.Cleanup(trino.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trino.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	config := map[string]string{"url": trino.URL, "user": "u", "password": "hunter2", "ca_file": ca}
	conn, err := Open(t.Context(), catalog.Source{Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = conn.Crawler.Scopes(t.Context())
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Message(err), "another address") {
		t.Errorf("a Trino that leads elsewhere: %v", err)
	}
	select {
	case header := <-asked:
		t.Errorf("another server was asked, with the header %q", header)
	default:
	}
}
