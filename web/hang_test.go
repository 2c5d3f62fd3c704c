package web

import (
	"net/http"
	"testing"
	"time"

	"portreeve/access"
)

// A database that hangs must not hang the portal: requests that need it are answered 503 in a bounded time, and what needs
// nothing is answered as ever.
func TestHungDatabase(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	cookie := st.as(access.Viewer)
	tx, err := st.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context()) //nolint:errcheck // ends the lock
	if _, err := tx.Exec(t.Context(), `LOCK TABLE person, dataset IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for _, path := range []string{"/livez", "/assets/app.css"} {
		wantStatus(t, st.ask(http.MethodGet, path, cookie), http.StatusOK)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("what needs no database waited %v for it", took)
	}
	start = time.Now()
	res := st.ask(http.MethodGet, "/data", cookie)
	wantStatus(t, res, http.StatusServiceUnavailable)
	if took := time.Since(start); took > 6*patience {
		t.Errorf("answered after %v, want about %v", took, patience)
	}
	if res.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

func TestMalformedForms(t *testing.T) {
	t.Parallel()
	st := newDemo(t)
	for _, body := range []string{"%zz=1", "a=1;b=2"} {
		res := st.ask(http.MethodPost, "/preferences", sending("application/x-www-form-urlencoded", body), local)
		if res.StatusCode >= 500 {
			t.Errorf("%q: status %d", body, res.StatusCode)
		}
	}
	res := st.ask(http.MethodPost, "/session?person=owner", local, form("person", ""))
	wantStatus(t, res, http.StatusUnprocessableEntity)
}
