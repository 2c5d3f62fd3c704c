package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

type verifyCmd struct {
	Anchor     []string `placeholder:"HEAD|FILE" sep:"none" help:"Head of the log as it was told once, NUMBER:MAC, or a file as PORTREEVE_AUDIT_ANCHORS names. Without one, a cut end of the log does not show. May be given several times."`
	OldKeyFile []string `placeholder:"FILE" sep:"none" help:"File with a session key of former times, for rows that were signed with it. May be given several times."`
}

// Run verifies the audit log. It fails when a row is not what was written.
func (v *verifyCmd) Run(ctx context.Context, c *cli) error {
	anchors, err := readAnchors(v.Anchor)
	if err != nil {
		return err
	}
	var old []*access.Audit
	for _, path := range v.OldKeyFile {
		b, err := catalog.ReadSmallFile(path, "old-key-file")
		if err != nil {
			return err
		}
		key, err := access.ParseKey(string(b))
		if err != nil {
			return fault.Invalidf("old-key-file", "%s: %s", path, fault.Message(err))
		}
		old = append(old, access.NewAudit(key))
	}
	return c.withAccess(ctx, func(store *access.Store) error {
		verdict, err := store.Verify(ctx, anchors, old...)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(os.Stdout, verified(&verdict, len(anchors)))
		if !verdict.OK() {
			err = errors.Join(err, fault.Conflictf("the audit log is not what was written"))
		}
		return err
	})
}

// verified is what portreeve verify prints.
func verified(v *access.Verdict, anchors int) string {
	if !v.OK() {
		return fmt.Sprintf("bad: row %d %s; %d rows before it are as they were written", v.Bad, v.What, v.Rows)
	}
	text := fmt.Sprintf("ok: %d rows are as they were written", v.Rows)
	if v.Rows > 0 {
		text += ", the last of " + v.At.UTC().Format(time.RFC3339) + ", head " + v.Head.String()
	}
	if anchors == 0 {
		text += "; whether rows behind it were cut off shows only with --anchor"
	}
	return text
}

// readAnchors returns the heads that the arguments are, or that the files they name hold.
func readAnchors(args []string) ([]access.Head, error) {
	var heads []access.Head
	for _, arg := range args {
		if h, err := access.ParseHead(arg); err == nil {
			heads = append(heads, h)
			continue
		}
		of, err := access.ReadHeads(arg)
		if err != nil {
			return nil, err
		}
		heads = append(heads, of...)
	}
	return heads, nil
}

// checkAnchorFile makes the file that heads of the audit log will be added to, so that one that cannot be written is noticed
// at the start.
func checkAnchorFile(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the operator's own file
	if err != nil {
		return fault.Invalidf("PORTREEVE_AUDIT_ANCHORS", "the file for heads of the audit log cannot be written: %v", err)
	}
	return f.Close()
}
