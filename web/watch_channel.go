package web

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/fault"
	"portreeve/notify"
	"portreeve/outbound"
)

// postEmail turns e-mail on or off.
func (s *Server) postEmail(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	on := form.Get("email") == "on"
	p, err := s.watchingPage(c)
	switch {
	case err != nil:
		return err
	case on && !p.Mail:
		return fault.Conflictf("this portal sends no mail: whoever runs it can set PORTREEVE_SMTP_URL")
	case on && p.Channel.Address == "":
		return fault.Conflictf("your provider of sign-in tells the portal no address of e-mail")
	}
	if err := s.Notify.SetEmail(c.Request().Context(), s.act(c, ""), on); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/watching")
}

// postWebhook sets where notifications are posted; an empty address ends it. The secret of a new one is shown in the answer and never again.
func (s *Server) postWebhook(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	address := form.Get("webhook")
	if address != "" {
		u, err := outbound.CheckURL(address, s.Outside.Policy)
		if fault.KindOf(err) == fault.Invalid {
			return s.wrongWebhook(c, address, err)
		}
		if err != nil {
			return err
		}
		address = u.String()
	}
	secret, err := s.Notify.SetWebhook(c.Request().Context(), s.act(c, ""), address)
	if err != nil {
		return err
	}
	if secret == "" {
		return c.Redirect(http.StatusSeeOther, "/watching#webhook")
	}
	return s.showSecret(c, secret)
}

// wrongWebhook shows what is wrong with a webhook's address, which stays as it was typed.
func (s *Server) wrongWebhook(c echo.Context, typed string, problem error) error {
	p, err := s.watchingPage(c)
	if err != nil {
		return err
	}
	p.Field, p.Typed, p.Problem = "webhook", cut(typed, 2000), sentence(fault.Message(problem))
	return s.showWatching(c, http.StatusUnprocessableEntity, p)
}

func (s *Server) showSecret(c echo.Context, secret string) error {
	p, err := s.watchingPage(c)
	if err != nil {
		return err
	}
	p.Secret = secret
	c.Response().Header().Set("Cache-Control", "no-store")
	return s.showWatching(c, http.StatusOK, p)
}

func (s *Server) postWebhookSecret(c echo.Context) error {
	secret, err := s.Notify.RotateSecret(c.Request().Context(), s.act(c, ""))
	if err != nil {
		return err
	}
	return s.showSecret(c, secret)
}

// testPatience is how long a test of a webhook waits for its answer.
const testPatience = 4 * time.Second

// postWebhookTest posts a test to the webhook and says what came of it.
func (s *Server) postWebhookTest(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), testPatience)
	defer cancel()
	problem := s.Notify.TestWebhook(ctx, s.Outside, principal(c).ID)
	p, err := s.watchingPage(c)
	if err != nil {
		return err
	}
	if problem != nil {
		p.Field, p.Problem = "webhook", "The test did not arrive: "+fault.Line(problem.Error(), 300)
		return s.showWatching(c, http.StatusUnprocessableEntity, p)
	}
	p.Tested = "The test arrived."
	return s.showWatching(c, http.StatusOK, p)
}

// postDelivery tries again what was given up.
func (s *Server) postDelivery(c echo.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	if err := s.Notify.Retry(c.Request().Context(), principal(c).ID, id); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/watching#failures")
}

// stopMailPage is the page that a mail's link opens.
type stopMailPage struct {
	Path    string // of the link
	Address string
	On      bool
}

func (s *Server) stopMailPage(c echo.Context) error {
	who, on, err := s.Notify.MailOf(c.Request().Context(), c.Param("secret"))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	sh := s.shell(c, "", "Mail from Portreeve", crumb{Text: "Mail from Portreeve"})
	sh.Path = "/" // the link itself must not travel on
	return render(c, http.StatusOK, stopMailView(sh, stopMailPage{Path: c.Request().URL.EscapedPath(), Address: who.Email, On: on}))
}

// getStopMail shows whose mail the link stops. It changes nothing: programs open links of mails as well.
func (s *Server) getStopMail(c echo.Context) error { return s.stopMailPage(c) }

// postStopMail stops the mail. Who holds the link need not be signed in: programs that read mail do it in one step, as RFC 8058 has it.
func (s *Server) postStopMail(c echo.Context) error {
	if err := s.Notify.StopMail(c.Request().Context(), s.act(c, ""), c.Param("secret")); err != nil {
		return err
	}
	return s.stopMailPage(c)
}

// channelWord names a way to be told.
func channelWord(by string) string {
	if by == "email" {
		return "E-mail"
	}
	return "Webhook"
}

// failureSentence says what did not arrive.
func failureSentence(f notify.Failure, now time.Time) string {
	text := channelWord(f.By) + " with " + plural(f.Held, "notification", "notifications")
	if f.GivenUp {
		return text + ", given up after " + plural(f.Attempts, "try", "tries")
	}
	return text + ", tried " + plural(f.Attempts, "time", "times") + ", next in " + age(max(f.DueAt.Sub(now), 0))
}
