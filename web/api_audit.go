package web

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// auditEntryAnswer is a row of the audit log.
type auditEntryAnswer struct {
	Seq       int64          `json:"seq" doc:"1 is the first row; none is left out."`
	At        time.Time      `json:"at"`
	PersonID  string         `json:"person_id" doc:"Empty when nobody was known, and for who works on the portal's own machine."`
	Person    string         `json:"person" doc:"The name at that time."`
	Via       string         `json:"via" doc:"page, api, command line or job."`
	TokenID   string         `json:"token_id" doc:"Empty without a token."`
	RequestID string         `json:"request_id"`
	Address   string         `json:"address"`
	Action    string         `json:"action" doc:"Such as dataset.edit."`
	Object    string         `json:"object" doc:"Such as dataset lake/raw.flights."`
	Reason    string         `json:"reason"`
	Detail    map[string]any `json:"detail"`
	KeyID     string         `json:"key_id" doc:"Names the key that the row is signed with."`
	MAC       string         `json:"mac" doc:"HMAC-SHA-256 over the row and the mac before it, in hexadecimal."`
}

func showEntry(e *access.Entry) auditEntryAnswer {
	shown := auditEntryAnswer{
		Seq: e.Seq, At: e.At.UTC(), Person: e.Person, Via: e.Via, RequestID: e.RequestID, Address: e.Address, Action: e.Action, Object: e.Object,
		Reason: e.Reason, KeyID: e.KeyID, MAC: hex.EncodeToString(e.MAC), Detail: map[string]any{},
	}
	if e.PersonID != 0 {
		shown.PersonID = catalog.FormatID(e.PersonID)
	}
	if e.TokenID != 0 {
		shown.TokenID = catalog.FormatID(e.TokenID)
	}
	if json.Unmarshal([]byte(e.Detail), &shown.Detail) != nil { // only of a row that somebody tampered with
		shown.Detail = map[string]any{"unreadable": e.Detail}
	}
	return shown
}

type auditList struct {
	Paging
	Person string    `query:"person" maxLength:"200" doc:"The id of a person, or a part of a name."`
	Action string    `query:"action" maxLength:"200" doc:"How the action begins."`
	Object string    `query:"object" maxLength:"200" doc:"A part of the object."`
	Text   string    `query:"q" maxLength:"200" doc:"A part of the reason, the detail, the address or the request id."`
	From   time.Time `query:"from" doc:"The first moment."`
	To     time.Time `query:"to" doc:"The first moment after."`
}

// auditLog adds GET /api/v1/audit.
func (e *endpoints) auditLog() {
	register(e, huma.Operation{
		OperationID: "list-audit", Method: http.MethodGet, Path: "/audit", Summary: "The audit log, newest first", Tags: []string{"Audit"},
		Description: "Who did what: a row for every act, written in the act's own transaction.",
	}, scope(access.ScopeAdmin, access.Admin), e.getAuditLog)
}

func (e *endpoints) getAuditLog(ctx context.Context, in *auditList) (*answer[List[auditEntryAnswer]], error) {
	before, err := seqIn(in.Cursor)
	if err != nil {
		return nil, err
	}
	entries, err := e.Access.Entries(ctx, access.AuditQuery{
		Person: in.Person, Action: in.Action, Object: in.Object, Text: in.Text, From: in.From, To: in.To, Before: before, Limit: in.Limit + 1,
	})
	out := List[auditEntryAnswer]{Items: make([]auditEntryAnswer, 0, len(entries))}
	for i := range entries {
		if i == in.Limit {
			out.NextCursor = base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, entries[i-1].Seq, 10))
			break
		}
		out.Items = append(out.Items, showEntry(&entries[i]))
	}
	return reply(out, err)
}

// seqIn returns the row before which a page begins, or 0 for the newest.
func seqIn(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	seq, convErr := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || convErr != nil || seq < 1 {
		return 0, fault.Invalidf("/query/cursor", "this cursor was not made here")
	}
	return seq, nil
}
