package notify_test

import (
	"bufio"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
)

// postbox is an SMTP server that keeps what it is given, or refuses it.
type postbox struct {
	mu     sync.Mutex
	mails  []string
	refuse string // answer to DATA, or ""
	addr   string
}

func newPostbox(t *testing.T) *postbox {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	b := &postbox{addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(conn)
		}
	}()
	return b
}

func (b *postbox) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	say("220 postbox")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO":
			say("250-postbox\r\n250 8BITMIME")
		case "DATA":
			b.take(r, say)
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (b *postbox) take(r *bufio.Reader, say func(string)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != "" {
		say(b.refuse)
		return
	}
	say("354 go on")
	var text strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == ".\r\n" {
			break
		}
		text.WriteString(strings.TrimPrefix(line, "."))
	}
	b.mails = append(b.mails, text.String())
	say("250 kept")
}

func (b *postbox) setRefuse(answer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = answer
}

// letters returns the mails so far, parsed: headers, and the parts by type.
func (b *postbox) letters(t *testing.T) (headers []mail.Header, parts []map[string]string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, raw := range b.mails {
		m, err := mail.ReadMessage(strings.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for mr := multipart.NewReader(m.Body, params["boundary"]); ; {
			p, err := mr.NextRawPart()
			if err != nil {
				break
			}
			kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
			body, err := io.ReadAll(quotedprintable.NewReader(p))
			if err != nil {
				t.Fatal(err)
			}
			found[kind] = string(body)
		}
		headers, parts = append(headers, m.Header), append(parts, found)
	}
	return headers, parts
}
