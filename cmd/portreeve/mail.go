package main

import (
	"net/netip"
	"strings"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/notify"
	"portreeve/outbound"
)

// mailFlags say how notifications leave the portal.
type mailFlags struct {
	SMTPURL     string   `name:"smtp-url" env:"PORTREEVE_SMTP_URL" placeholder:"URL" help:"Server that sends mail, such as smtps://user:password@mail.example.com:465, or smtp:// to begin in the clear and go over to TLS. Default: no mail is sent."`
	SMTPURLFile string   `name:"smtp-url-file" env:"PORTREEVE_SMTP_URL_FILE" placeholder:"FILE" help:"File that holds the server's URL, in place of the variable."`
	MailFrom    string   `env:"PORTREEVE_MAIL_FROM" placeholder:"ADDRESS" help:"Who mail is from, such as Portreeve <portal@example.com>."`
	Allow       []string `name:"outbound-allow" env:"PORTREEVE_OUTBOUND_ALLOW" placeholder:"HOST:PORT" help:"Where webhooks may lead beside public addresses: hosts with their port, and networks such as 10.2.0.0/16, separated by commas."`
}

// outside returns what notifications leave by. Links in them lead to no address until one is set.
func (f *mailFlags) outside() (*notify.Outside, error) {
	mailer, err := f.mailer()
	if err != nil {
		return nil, err
	}
	for _, a := range f.Allow {
		_, err := netip.ParsePrefix(a)
		if i := strings.LastIndexByte(a, ':'); err != nil && (strings.Contains(a, "/") || i < 1 || i == len(a)-1) {
			return nil, fault.Invalidf("PORTREEVE_OUTBOUND_ALLOW", "PORTREEVE_OUTBOUND_ALLOW holds %q: it must be like hooks.example.com:8443 or 10.2.0.0/16", a)
		}
	}
	return notify.NewOutside(mailer, outbound.Policy{Allowed: f.Allow}, "", clock), nil
}

// mailer returns nil when there is no mail.
func (f *mailFlags) mailer() (*notify.Mailer, error) {
	address := f.SMTPURL
	switch {
	case f.SMTPURLFile != "" && address != "":
		return nil, fault.Invalidf("PORTREEVE_SMTP_URL_FILE", "PORTREEVE_SMTP_URL and PORTREEVE_SMTP_URL_FILE are both set: keep one")
	case f.SMTPURLFile != "":
		b, err := catalog.ReadSmallFile(f.SMTPURLFile, "SMTP URL")
		if err != nil {
			return nil, fault.Invalidf("PORTREEVE_SMTP_URL_FILE", "%v", err)
		}
		address = strings.TrimSpace(string(b))
	}
	if address == "" {
		return nil, nil //nolint:nilnil // no mail is no error
	}
	return notify.NewMailer(address, f.MailFrom, nil)
}
