package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// onThe writes a time into a message.
func onThe(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

func checkAsk(a Ask) error {
	if err := checkText("purpose", a.Purpose, PurposeMin); err != nil {
		return err
	}
	if a.Columns != nil {
		return checkColumns(a.Columns)
	}
	return nil
}

// checkText returns an Invalid error when a text is shorter than least or longer than TextMax characters, or is no text.
func checkText(field, text string, least int) error {
	n, seen := utf8.RuneCountInString(text), 0
	for _, r := range text {
		if unicode.IsPrint(r) && r != ' ' {
			seen++
		}
	}
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return fault.Invalidf(field, "it holds bytes that are no text")
	case strings.ContainsFunc(text, hides):
		return fault.Invalidf(field, "it holds marks that cannot be seen")
	case min(n, seen) < least:
		return fault.Invalidf(field, "say in at least %d characters what you will do with it, and for whom; this has %d", least, min(n, seen))
	case n > TextMax:
		return fault.Invalidf(field, "it has %d characters; at most %d are kept", n, TextMax)
	}
	return nil
}

// hides reports whether a character makes text look like another: one that controls, or turns the direction of what follows.
func hides(r rune) bool {
	return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// maxGranted bounds the columns of a request.
const maxGranted = 5000

func checkColumns(columns []string) error {
	switch {
	case len(columns) == 0:
		return fault.Invalidf("columns", "choose at least one column")
	case len(columns) > maxGranted:
		return fault.Invalidf("columns", "choose at most %d columns, or all", maxGranted)
	}
	for _, c := range columns {
		if c == "" || !utf8.ValidString(c) || strings.ContainsRune(c, 0) {
			return fault.Invalidf("columns", "a column has a name")
		}
	}
	return nil
}

// checkUntil returns an Invalid error when access cannot last until then, by the database's clock.
func checkUntil(ctx context.Context, tx pgx.Tx, until time.Time) error {
	var past, far bool
	const q = `SELECT $1::timestamptz <= now(), $1::timestamptz > now() + $2::interval`
	if err := tx.QueryRow(ctx, q, until, GrantMax).Scan(&past, &far); err != nil {
		return fmt.Errorf("check the end %v: %w", until, err)
	}
	switch {
	case past:
		return fault.Invalidf("until", "the end has passed: choose a day from today on")
	case far:
		return fault.Invalidf("until", "access lasts at most 366 days: choose an earlier day")
	}
	return nil
}

// checkExtends returns NotFound when the grant to extend is none of the person's on that dataset, and an Invalid error when it
// lasts longer than what is asked for in its place.
func checkExtends(ctx context.Context, tx pgx.Tx, person, dataset int64, a Ask) error {
	if a.Extends == 0 {
		return nil
	}
	var until time.Time
	const q = `SELECT until FROM access_grant WHERE id = $1 AND person_id = $2 AND dataset_id = $3 AND ended_at IS NULL`
	err := tx.QueryRow(ctx, q, a.Extends, person, dataset).Scan(&until)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fault.NotFoundf("there is no such grant to extend")
	case err != nil:
		return err
	case a.Until.Before(until):
		return fault.Invalidf("until", "you may read it until %s already: choose a later day", onThe(until))
	}
	return nil
}
