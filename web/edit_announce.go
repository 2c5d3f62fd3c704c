package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
)

// announcePage is the page on which something is announced.
type announcePage struct {
	Values  url.Values
	Errors  map[string]string // sentences by field
	Refused bool
}

// keep says to the script whether the form holds unsaved words.
func (p announcePage) keep() string { return keepForm(p.Refused) }

func (s *Server) getDatasetAnnounce(c echo.Context) error {
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	return s.showAnnounce(c, http.StatusOK, h, announcePage{Values: url.Values{}})
}

func (s *Server) showAnnounce(c echo.Context, status int, h *datasetHead, p announcePage) (err error) {
	if h.Announcements, err = s.Catalog.Announcements(c.Request().Context(), &h.Whole); err != nil {
		return err
	}
	return render(c, status, announceView(s.editShell(c, h, "Announce"), h, p))
}

func (s *Server) postDatasetAnnounce(c echo.Context) error {
	values, err := posted(c)
	if err != nil {
		return err
	}
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	a := catalog.Announcement{Text: values.Get("text"), Tone: values.Get("tone")}
	if a.EndsAt, err = lastMoment(values.Get("until")); err == nil {
		_, err = s.Catalog.Announce(c.Request().Context(), s.act(c, ""), h.Key(), a)
	}
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Invalid {
		p := announcePage{Values: values, Errors: map[string]string{e.Field: sentence(e.Msg)}, Refused: true}
		return s.showAnnounce(c, http.StatusUnprocessableEntity, h, p)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, datasetURL(h.Key(), ""))
}

// lastMoment returns when a day such as 2026-12-31 ends, UTC; nil without one.
func lastMoment(text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, fault.Invalidf("until", "a day is written like 2026-12-31")
	}
	t = t.AddDate(0, 0, 1)
	return &t, nil
}

// endedAnnouncement is the parameter by which a page learns which announcement was just taken down on it.
const endedAnnouncement = "ended"

func (s *Server) postDatasetAnnouncementEnd(c echo.Context) error {
	h, id, err := s.announced(c)
	if h == nil {
		return err
	}
	key, err := s.Catalog.EndAnnouncement(c.Request().Context(), s.act(c, ""), id)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, datasetURL(key, "")+"?"+formQuery(endedAnnouncement, catalog.FormatID(id)))
}

// postDatasetAnnouncementBack puts an announcement up again that was taken down.
func (s *Server) postDatasetAnnouncementBack(c echo.Context) error {
	h, id, err := s.announced(c)
	if h == nil {
		return err
	}
	key, err := s.Catalog.RestoreAnnouncement(c.Request().Context(), s.act(c, ""), id)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, datasetURL(key, ""))
}

// announced returns the dataset and the id of the announcement that the path names; without a dataset the answer is written.
func (s *Server) announced(c echo.Context) (*datasetHead, int64, error) {
	h, err := s.editable(c)
	if h == nil {
		return nil, 0, err
	}
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return nil, 0, fault.NotFoundf("there is no announcement %s", c.Param("id"))
	}
	return h, id, nil
}
