package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"portreeve/fault"
)

// payload is what a webhook is sent.
type payload struct {
	Type      string    `json:"type"` // notifications, or test
	Timestamp time.Time `json:"timestamp"`
	Data      []told    `json:"data"`
}

// told is a notification as a webhook is sent it.
type told struct {
	ID      string    `json:"id"`
	Event   Event     `json:"event"`
	Dataset string    `json:"dataset"` // source/name, or ""
	Title   string    `json:"title"`
	Body    string    `json:"body"`
	URL     string    `json:"url"`
	At      time.Time `json:"at"`
}

// errGone is what a webhook answers that wants no more.
var errGone = errors.New("it answered 410 Gone: it wants nothing more")

// post sends p to a webhook, signed as Standard Webhooks has it: with HMAC-SHA-256 over id, time and body. The same id is the same
// message, however often it arrives.
func (o *Outside) post(ctx context.Context, address, id string, key []byte, p payload) error {
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return fault.Invalidf("/webhook", "the address cannot be read")
	}
	stamp := strconv.FormatInt(p.Timestamp.Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Portreeve")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", stamp)
	r.Header.Set("Webhook-Signature", "v1,"+sign(key, id, stamp, body))
	res, err := o.HTTP.Do(r)
	if err != nil {
		return reason(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // what it says is nobody's to read here; the connection may be used again
	switch {
	case res.StatusCode == http.StatusGone:
		return errGone
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return fmt.Errorf("it answered %d: redirects are not followed, so give the address that it leads to", res.StatusCode)
	case res.StatusCode >= 400:
		return fmt.Errorf("it answered %d", res.StatusCode)
	}
	return nil
}

// reason is why a request failed, without the address, which may hold a secret.
func reason(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		return errors.New("it did not answer in time")
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return errors.New(fault.Line(err.Error(), 200))
		}
		err = inner
	}
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}

// sign returns the signature of a message in base64.
func sign(key []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// decodeSecret returns the bytes of a webhook's secret.
func decodeSecret(text string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
}
