package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"portreeve/fault"
)

// Mailer sends mail through one SMTP server.
type Mailer struct {
	host     string
	port     int
	secure   bool // TLS from the first byte
	user     string
	password string
	from     string
	tls      *tls.Config // nil: the system's authorities
}

const mailTimeout = 30 * time.Second

// NewMailer returns a Mailer for the server that address names: smtps://user:password@host:port speaks TLS from the first byte (port
// 465 by default); smtp:// begins in the clear on port 587 and must go over to TLS, unless the host is this machine. from is who the mail is from, such as
// Portreeve <portal@example.com>. conf is nil but in tests.
func NewMailer(address, from string, conf *tls.Config) (*Mailer, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fault.Invalidf("PORTREEVE_SMTP_URL", "PORTREEVE_SMTP_URL must be like smtps://user:password@mail.example.com:465")
	}
	m := &Mailer{host: u.Hostname(), secure: u.Scheme == "smtps", user: u.User.Username(), from: from, tls: conf, port: 587}
	m.password, _ = u.User.Password()
	if m.secure {
		m.port = 465
	}
	if u.Port() != "" {
		if m.port, err = strconv.Atoi(u.Port()); err != nil || m.port < 1 || m.port > 65535 {
			return nil, fault.Invalidf("PORTREEVE_SMTP_URL", "PORTREEVE_SMTP_URL names the port %s, which is none", u.Port())
		}
	}
	if err := mail.NewMsg().From(from); err != nil {
		return nil, fault.Invalidf("PORTREEVE_MAIL_FROM", "PORTREEVE_MAIL_FROM is %q: it must be like Portreeve <portal@example.com>", from)
	}
	return m, nil
}

// letter is a mail that is to be sent.
type letter struct {
	ID      string // the same for each try
	To      string
	Subject string
	Intro   string
	Items   []told
	Watches string // where the person changes what they are told of
	Stop    string // the link that stops all mail
}

// text writes the letter without markup.
func (l *letter) text() string {
	var b strings.Builder
	b.WriteString(l.Intro + "\n\n")
	for _, n := range l.Items {
		b.WriteString(n.Title + "\n")
		if n.Body != "" {
			b.WriteString("  " + strings.ReplaceAll(n.Body, "\n", "\n  ") + "\n")
		}
		b.WriteString("  " + n.URL + "\n\n")
	}
	fmt.Fprintf(&b, "-- \nWhat you watch: %s\nStop all mail from Portreeve: %s\n", l.Watches, l.Stop)
	return b.String()
}

// page is the letter as HTML. Everything in it is escaped; nothing is fetched from elsewhere.
var page = template.Must(template.New("mail").Parse(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{{.Subject}}</title></head><body>
<p>{{.Intro}}</p>
<ul>{{range .Items}}
<li><p><a href="{{.URL}}"><strong>{{.Title}}</strong></a>{{if .Body}}<br>{{.Body}}{{end}}</p></li>{{end}}
</ul>
<hr><p><small><a href="{{.Watches}}">What you watch</a> · <a href="{{.Stop}}">Stop all mail from Portreeve</a></small></p>
</body></html>
`))

// message makes the mail of a letter.
func (m *Mailer) message(l *letter) (*mail.Msg, error) {
	var html bytes.Buffer
	if err := page.Execute(&html, l); err != nil {
		return nil, err
	}
	msg := mail.NewMsg()
	if err := msg.From(m.from); err != nil {
		return nil, err
	}
	if err := msg.To(l.To); err != nil {
		return nil, fault.Invalidf("/email", "%q is no address of e-mail", l.To)
	}
	msg.Subject(line(l.Subject))
	msg.SetMessageIDWithValue(l.ID)
	msg.SetDate()
	msg.SetGenHeader("List-Unsubscribe", "<"+l.Stop+">")
	msg.SetGenHeader("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, l.text())
	msg.AddAlternativeString(mail.TypeTextHTML, html.String())
	return msg, nil
}

// send hands a letter to the server.
func (m *Mailer) send(ctx context.Context, l *letter) error {
	msg, err := m.message(l)
	if err != nil {
		return err
	}
	options := []mail.Option{mail.WithPort(m.port), mail.WithTimeout(mailTimeout), mail.WithTLSPolicy(m.policy())}
	if m.secure {
		options = append(options, mail.WithSSL())
	}
	if m.tls != nil {
		options = append(options, mail.WithTLSConfig(m.tls))
	}
	if m.user != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.user), mail.WithPassword(m.password))
	}
	client, err := mail.NewClient(m.host, options...)
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, msg)
}

// policy lets mail to this machine go without TLS.
func (m *Mailer) policy() mail.TLSPolicy {
	if m.host == "localhost" || m.host == "127.0.0.1" || m.host == "::1" {
		return mail.TLSOpportunistic
	}
	return mail.TLSMandatory
}
