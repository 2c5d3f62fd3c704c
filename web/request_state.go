package web

import (
	"context"
	"strings"

	"portreeve/access"
	"portreeve/fault"
	"portreeve/web/ui"
)

// columnsText names columns; nil is all.
func columnsText(columns []string) string {
	if columns == nil {
		return "all columns"
	}
	shown := make([]string, 0, 6)
	for _, c := range columns[:min(len(columns), 5)] {
		shown = append(shown, cut(c, 60))
	}
	if len(columns) > 5 {
		return strings.Join(shown, ", ") + " and " + number(int64(len(columns)-5)) + " more"
	}
	return strings.Join(shown, ", ")
}

// requestState says how a request stands.
func requestState(r *access.Request) (ui.Tone, string) {
	switch r.State {
	case access.Pending:
		return ui.Info, "Waits for an answer"
	case access.Approved:
		switch {
		case r.GrantEnd == nil:
			return ui.Good, "Approved"
		case r.GrantReason == access.Replaced:
			return ui.Muted, "Approved, more time given on " + day(*r.GrantEnd)
		}
		return ui.Muted, "Approved, ended on " + day(*r.GrantEnd)
	case access.Denied:
		return ui.Bad, "Denied"
	case access.Withdrawn:
		return ui.Muted, "Withdrawn"
	}
	return ui.Muted, "Expired"
}

// grantState says whether a grant holds.
func grantState(g *access.Grant) (ui.Tone, string) {
	switch {
	case g.Live:
		return ui.Good, "Holds"
	case g.EndedBy == "":
		return ui.Muted, "Expired"
	case g.Reason == access.Replaced:
		return ui.Muted, "Extended by " + g.EndedBy
	case g.EndedBy == g.Person:
		return ui.Muted, "Given back"
	}
	return ui.Muted, "Ended by " + g.EndedBy
}

// grantText says whether a grant holds, and what was said at its end.
func grantText(g *access.Grant) string {
	_, state := grantState(g)
	if why := endReason(g); why != "" {
		return state + ": " + cut(why, 200)
	}
	return state
}

// overIcon is the icon of what is over; the others have that of their tone.
func overIcon(tone ui.Tone) string {
	if tone == ui.Muted {
		return "history"
	}
	return ""
}

// endReason is what was said at the end of a grant, where its state does not say it.
func endReason(g *access.Grant) string {
	if g.Reason == access.Replaced {
		return ""
	}
	return g.Reason
}

// wish says what a request is about.
func wish(r *access.Request) string {
	if r.Extends != nil {
		return "more time with"
	}
	return "access to"
}

// requestTitle says what a request is about, and whose it is when it stands among those of several people.
func requestTitle(r *access.Request, named bool) string {
	what := wish(r) + " " + cut(r.Source+"/"+r.Dataset, 120)
	if named {
		return r.Person + ": " + what
	}
	return strings.ToUpper(what[:1]) + what[1:]
}

// ownRequest is a request of who asks that waits for an answer, and who may answer.
type ownRequest struct {
	access.Request
	Approvers []access.Approver
}

// sentence says that it waits, and for whom.
func (r *ownRequest) sentence() string {
	asked := "Requested"
	if r.Extends != nil {
		asked = "More time requested"
	}
	switch n := len(r.Approvers); n {
	case 0:
		return asked + ", nobody can answer yet"
	case 1, 2:
		return asked + ", waits for " + strings.Join(namesOfPeople(r.Approvers), " or ")
	default:
		return asked + ", waits for " + r.Approvers[0].Name + " or " + plural(n-1, "other", "others")
	}
}

// fillAsked finds out whether who asks has asked for the dataset.
func (s *Server) fillAsked(ctx context.Context, who access.Principal, h *datasetHead) error {
	if who.ID == 0 || !h.restricted() {
		return nil
	}
	r, err := s.Access.PendingRequest(ctx, who.ID, h.ID)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	h.Asked = &ownRequest{Request: r}
	h.Asked.Approvers, err = s.Access.Approvers(ctx, h.Subject(), who.ID)
	return err
}

// ownRequests returns the requests of who asks that wait, newest first, and who may answer them, at most limit.
func (s *Server) ownRequests(ctx context.Context, who access.Principal, limit int) ([]ownRequest, error) {
	all, err := s.Access.PendingOf(ctx, who.ID, limit)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	ids := make([]int64, len(all))
	for i := range all {
		ids[i] = all[i].DatasetID
	}
	subjects, err := s.Catalog.Subjects(ctx, ids)
	if err != nil {
		return nil, err
	}
	own := make([]ownRequest, len(all))
	for i := range all {
		own[i].Request = all[i]
		if own[i].Approvers, err = s.Access.Approvers(ctx, subjects[all[i].DatasetID], who.ID); err != nil {
			return nil, err
		}
	}
	return own, nil
}

// namesOfPeople names at most ten people.
func namesOfPeople(people []access.Approver) []string {
	names := make([]string, 0, 11)
	for i := range people[:min(len(people), 10)] {
		names = append(names, people[i].Name)
	}
	if len(people) > 10 {
		names = append(names, number(int64(len(people)-10))+" more")
	}
	return names
}
