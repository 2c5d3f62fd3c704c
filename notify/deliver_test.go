package notify_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"portreeve/fault"
	"portreeve/notify"
	"portreeve/outbound"
)

// outside leaves by the postbox and, for webhooks, to what allowed names.
func outside(t *testing.T, b *postbox, allowed ...string) *notify.Outside {
	t.Helper()
	var mailer *notify.Mailer
	if b != nil {
		var err error
		if mailer, err = notify.NewMailer("smtp://"+b.addr, "Portreeve <portal@example.com>", nil); err != nil {
			t.Fatal(err)
		}
	}
	return notify.NewOutside(mailer, outbound.Policy{Allowed: allowed, Timeout: 5 * time.Second}, "https://data.example.com", time.Now)
}

// deliver tries all that is due and returns what went wrong.
func (w *town) deliver(o *notify.Outside) (problems []string) {
	w.t.Helper()
	due, err := w.Due(w.t.Context())
	w.ok(err)
	for _, id := range due {
		problem, err := w.Deliver(w.t.Context(), o, id)
		w.ok(err)
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	return problems
}

func TestMail(t *testing.T) {
	t.Parallel()
	w, box := newTown(t), newPostbox(t)
	w.watches(flights, w.ana, w.owen)
	w.ok(w.SetEmail(t.Context(), by(w.ana), true))
	w.crawl([4]string{"attribute", "description", "", "<script>alert(1)</script>\r\nBcc: all@example.com"})
	w.ok(w.Tell(t.Context()))
	if problems := w.deliver(outside(t, box)); problems != nil {
		t.Fatal(problems)
	}
	w.deliver(outside(t, box))
	headers, parts := box.letters(t)
	if len(headers) != 1 {
		t.Fatalf("%d mails, want one to Ana", len(headers))
	}
	h := headers[0]
	if to := h.Get("To"); to != "<ana@example.com>" || h.Get("Bcc") != "" {
		t.Errorf("to %q, bcc %q", to, h.Get("Bcc"))
	}
	if subject, _ := new(mime.WordDecoder).DecodeHeader(h.Get("Subject")); subject != "lake/raw.flights: description changed" {
		t.Errorf("subject %q", subject)
	}
	if html := parts[0]["text/html"]; strings.Contains(html, "<script") || !strings.Contains(html, "&lt;script&gt;") || !strings.Contains(html, `href="https://data.example.com/d/lake/raw.flights/history"`) {
		t.Errorf("html:\n%s", html)
	}
	if text := parts[0]["text/plain"]; !strings.Contains(text, "https://data.example.com/d/lake/raw.flights/history") {
		t.Errorf("text:\n%s", text)
	}
	stop := strings.Trim(h.Get("List-Unsubscribe"), "<>")
	secret, ok := strings.CutPrefix(stop, "https://data.example.com/stop-mail/")
	if !ok || h.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" || !strings.Contains(parts[0]["text/html"], stop) {
		t.Fatalf("the way to stop is %q, %q", stop, h.Get("List-Unsubscribe-Post"))
	}
	var kept int
	w.ok(w.pool.QueryRow(t.Context(), `SELECT count(*) FROM channel WHERE channel::text LIKE '%' || $1 || '%'`, secret).Scan(&kept))
	if kept != 0 {
		t.Error("the database holds the secret of the link as it is")
	}
	w.ok(w.StopMail(t.Context(), by(w.owen), secret))
	w.crawl([4]string{"column_added", "a", "", "int"})
	w.ok(w.Tell(t.Context()))
	w.deliver(outside(t, box))
	if headers, _ := box.letters(t); len(headers) != 1 {
		t.Error("mail went on after it was stopped")
	}
}

func TestMailIsTriedAgain(t *testing.T) {
	t.Parallel()
	w, box := newTown(t), newPostbox(t)
	w.watches(flights, w.ana)
	w.ok(w.SetEmail(t.Context(), by(w.ana), true))
	w.crawl([4]string{"column_added", "a", "", "int"})
	w.ok(w.Tell(t.Context()))
	box.setRefuse("451 come back later")
	var waits []int
	for range 8 {
		w.deliver(outside(t, box))
		var wait int
		w.ok(w.pool.QueryRow(t.Context(), `SELECT round(extract(epoch FROM due_at - now()) / 60)::int FROM delivery`).Scan(&wait))
		waits = append(waits, wait)
		w.exec(`UPDATE delivery SET due_at = now() WHERE state = 'waiting'`)
	}
	if fmt.Sprint(waits) != "[1 5 15 30 60 180 360 0]" {
		t.Errorf("minutes between tries: %v", waits)
	}
	failed, err := w.Failures(t.Context(), w.ana.ID)
	w.ok(err)
	if len(failed) != 1 || !failed[0].GivenUp || failed[0].Attempts != 8 || !strings.Contains(failed[0].Problem, "451") {
		t.Fatalf("what failed: %+v", failed)
	}
	if err := w.Retry(t.Context(), w.owen.ID, failed[0].ID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another's delivery: %v", err)
	}
	box.setRefuse("")
	w.ok(w.Retry(t.Context(), w.ana.ID, failed[0].ID))
	w.deliver(outside(t, box))
	headers, _ := box.letters(t)
	if failed, _ := w.Failures(t.Context(), w.ana.ID); len(headers) != 1 || len(failed) != 0 {
		t.Errorf("%d mails, still failed: %+v", len(headers), failed)
	}
}

// hook is a webhook that checks what it is sent as the specification of Standard Webhooks says.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	status int
	ids    []string
	bodies []string
	wrong  []string
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{status: http.StatusNoContent}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	id, stamp := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.secret, "whsec_"))
	if err != nil || len(key) < 24 {
		h.wrong = append(h.wrong, "secret "+h.secret)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want || id == "" {
		h.wrong = append(h.wrong, "signature "+r.Header.Get("webhook-signature"))
	}
	h.ids, h.bodies = append(h.ids, id), append(h.bodies, string(body))
	if h.status >= 300 && h.status < 400 {
		w.Header().Set("Location", "http://127.0.0.1:1/")
	}
	w.WriteHeader(h.status)
}

func (h *hook) set(status int, secret string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status, h.secret = status, secret
}

func (h *hook) allowed() string { return strings.TrimPrefix(h.URL, "http://") }

func TestWebhook(t *testing.T) {
	t.Parallel()
	w, h := newTown(t), newHook(t)
	o := outside(t, nil, h.allowed())
	w.watches(flights, w.ana)
	secret, err := w.SetWebhook(t.Context(), by(w.ana), h.URL+"/in")
	w.ok(err)
	h.set(503, secret)
	w.ok(errorsOf(w.TestWebhook(t.Context(), o, w.ana.ID), "it answered 503"))
	w.crawl([4]string{"column_added", "a", "", "int"})
	w.ok(w.Tell(t.Context()))
	if problems := w.deliver(o); fmt.Sprint(problems) != "[it answered 503]" {
		t.Errorf("problems %q", problems)
	}
	w.exec(`UPDATE delivery SET due_at = now()`)
	h.set(204, secret)
	if problems := w.deliver(o); problems != nil {
		t.Errorf("problems %q", problems)
	}
	if len(h.wrong) > 0 || len(h.ids) != 3 || h.ids[1] != h.ids[2] {
		t.Errorf("wrong: %q; ids %q, of which the tries of one message have one", h.wrong, h.ids)
	}
	var got struct {
		Type string
		Data []struct{ Event, Dataset, Title, Body, URL string }
	}
	w.ok(json.Unmarshal([]byte(h.bodies[2]), &got))
	if got.Type != "notifications" || len(got.Data) != 1 || got.Data[0].Dataset != "lake/raw.flights" || got.Data[0].URL != "https://data.example.com/d/lake/raw.flights/history" {
		t.Errorf("body %s", h.bodies[2])
	}
	if again, err := w.SetWebhook(t.Context(), by(w.ana), h.URL+"/other"); err != nil || again != "" {
		t.Errorf("another address makes the secret %q, %v", again, err)
	}
	rotated, err := w.RotateSecret(t.Context(), by(w.ana))
	w.ok(err)
	h.set(204, rotated)
	w.ok(w.TestWebhook(t.Context(), o, w.ana.ID))
	if len(h.wrong) > 0 || rotated == secret {
		t.Errorf("after the secret was replaced: %q", h.wrong)
	}
}

// loops resolves every name to this machine.
func loops(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

// errorsOf returns an error unless err says want.
func errorsOf(err error, want string) error {
	if err == nil || err.Error() != want {
		return errors.Join(err, errors.New("want "+want))
	}
	return nil
}

// No delivery reaches an address that is not public and that the operator has not named, by a redirect neither.
func TestWebhookTargets(t *testing.T) {
	t.Parallel()
	w, decoy, leads := newTown(t), newHook(t), newHook(t)
	w.watches(flights, w.ana)
	port := decoy.URL[strings.LastIndex(decoy.URL, ":"):]
	for _, address := range []string{
		decoy.URL, "http://localhost" + port, "http://[::ffff:127.0.0.1]" + port, "http://2130706433" + port, "http://0x7f.1" + port,
		"http://169.254.169.254/latest", "http://10.0.0.1/", "http://hooks.example.com/", "ftp://example.com/", "http://u:p@example.com/",
	} {
		_, err := w.SetWebhook(t.Context(), by(w.ana), address)
		w.ok(err)
		w.crawl([4]string{"column_added", "a", "", "int"})
		w.ok(w.Tell(t.Context()))
		o := notify.NewOutside(nil, outbound.Policy{Resolver: loops}, "https://data.example.com", time.Now)
		if problems := w.deliver(o); len(problems) != 1 {
			t.Errorf("%s: problems %q", address, problems)
		}
	}
	leads.set(302, "")
	_, err := w.SetWebhook(t.Context(), by(w.ana), leads.URL)
	w.ok(err)
	w.crawl([4]string{"column_added", "a", "", "int"})
	w.ok(w.Tell(t.Context()))
	if problems := w.deliver(outside(t, nil, leads.allowed())); len(problems) != 1 || !strings.Contains(problems[0], "redirects are not followed") {
		t.Errorf("a redirect: %q", problems)
	}
	if len(decoy.ids) != 0 {
		t.Errorf("the decoy was reached %d times", len(decoy.ids))
	}
	failed, err := w.Failures(t.Context(), w.ana.ID)
	w.ok(err)
	for _, f := range failed[1:] {
		if !f.GivenUp || f.Attempts != 1 {
			t.Errorf("what can never work is tried again: %+v", f)
		}
	}
}

// Digests gather what happens until their time, in one message.
func TestDigest(t *testing.T) {
	t.Parallel()
	w, box := newTown(t), newPostbox(t)
	w.ok(w.SetEmail(t.Context(), by(w.ana), true))
	w.ok(w.SetEmail(t.Context(), by(w.owen), true))
	_, err := w.WatchDataset(t.Context(), by(w.ana), flights, notify.Daily)
	w.ok(err)
	_, err = w.WatchDataset(t.Context(), by(w.owen), flights, notify.Weekly)
	w.ok(err)
	for _, c := range []string{"a", "b", "c"} {
		w.crawl([4]string{"column_added", c, "", "int"})
		w.ok(w.Tell(t.Context()))
	}
	w.deliver(outside(t, box))
	if headers, _ := box.letters(t); len(headers) != 0 {
		t.Fatal("a digest was sent before its time")
	}
	rows, err := w.pool.Query(t.Context(), `SELECT due_at FROM delivery ORDER BY person_id`)
	w.ok(err)
	defer rows.Close()
	var due []time.Time
	for rows.Next() {
		var at time.Time
		w.ok(rows.Scan(&at))
		due = append(due, at.UTC())
	}
	now := time.Now()
	if len(due) != 2 || due[0].Format("15:04:05") != "07:00:00" || !due[0].After(now) || due[0].After(now.Add(24*time.Hour)) {
		t.Errorf("the daily digest is due at %v", due)
	}
	if due[1].Weekday() != time.Monday || due[1].Format("15:04:05") != "07:00:00" || !due[1].After(now) || due[1].After(now.Add(7*24*time.Hour)) {
		t.Errorf("the weekly digest is due at %v", due)
	}
	w.exec(`UPDATE delivery SET due_at = now()`)
	w.deliver(outside(t, box))
	headers, parts := box.letters(t)
	if len(headers) != 2 || headers[0].Get("Subject") != "3 things happened in what you watch" {
		t.Fatalf("%d digests, %v", len(headers), headers)
	}
	for _, c := range []string{"a", "b", "c"} {
		if !strings.Contains(parts[0]["text/plain"], "1 column added: "+c) {
			t.Errorf("the digest lacks %s:\n%s", c, parts[0]["text/plain"])
		}
	}
}
