package access

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// ReadHeads reads a file of heads of the audit log: one a line, at its end; what stands before it, such as a time, does not
// count. A line that is none is Invalid of the field anchor.
func ReadHeads(path string) ([]Head, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, fault.Invalidf("anchor", "%q is neither a head nor a file that can be read: a head is a number, a colon and 64 hexadecimal digits", path)
	}
	defer f.Close()
	var heads []Head
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		h, err := ParseHead(words[len(words)-1])
		if err != nil {
			return nil, fault.Invalidf("anchor", "%s:%d: %s", path, n, fault.Message(err))
		}
		heads = append(heads, h)
	}
	if err := lines.Err(); err != nil {
		return nil, fault.Invalidf("anchor", "%s cannot be read: %v", path, err)
	}
	return heads, nil
}

// lastHeads is how much of the end of a file of heads is read to find the furthest: some fifty lines.
const lastHeads = 5 << 10

// furthestIn returns the furthest of the last heads in a file, the zero Head if there is none.
func furthestIn(path string) (furthest Head, err error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own file
	if errors.Is(err, os.ErrNotExist) {
		return Head{}, nil
	}
	if err != nil {
		return Head{}, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return Head{}, err
	}
	text := make([]byte, min(size, lastHeads))
	if _, err := f.ReadAt(text, size-int64(len(text))); err != nil {
		return Head{}, err
	}
	for line := range strings.Lines(string(text)) { // the first may be cut, and is no head then
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if h, err := ParseHead(words[len(words)-1]); err == nil && h.Seq > furthest.Seq {
			furthest = h
		}
	}
	return furthest, nil
}

// VerifyAnchored is Verify against the heads that Anchors holds.
func (s *Store) VerifyAnchored(ctx context.Context) (Verdict, error) {
	var heads []Head
	if s.Anchors != "" {
		var err error
		if heads, err = ReadHeads(s.Anchors); err != nil {
			return Verdict{}, err
		}
	}
	return s.Verify(ctx, heads)
}

// TellHead calls tell with the head of the audit log if it is another than the one told last. A head for which tell fails is
// told again. A log that is shorter than it was is an error, and its head is told all the same: it is compared with what was told
// before, with what this process has seen and with what Anchors holds, since the database alone could be made to forget.
func (s *Store) TellHead(ctx context.Context, tell func(Head) error) error {
	h, told, err := s.auditHead(ctx)
	if err != nil {
		return err
	}
	before := Head{Seq: told}
	if s.Anchors != "" {
		if before, err = furthestIn(s.Anchors); err != nil {
			return err
		}
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	if s.furthest.Seq > before.Seq {
		before = s.furthest
	}
	if h.Seq != told {
		if err := tell(h); err != nil {
			return err
		}
		if _, err := s.db.Exec(ctx, `UPDATE audit_head SET told = $1`, h.Seq); err != nil {
			return fmt.Errorf("head of the audit log: %w", err)
		}
	}
	if h.Seq > s.furthest.Seq {
		s.furthest = h
	}
	if most := max(told, before.Seq); h.Seq < most {
		return fmt.Errorf("the audit log ends at row %d, and its row %d was there before: its end was cut off", h.Seq, most)
	}
	return nil
}

// StartKey notes in the audit log that its rows are signed with another key from here on, if they are: Verify takes a log for
// cut off that ends in a row of a former key.
func (s *Store) StartKey(ctx context.Context) error {
	const last = `SELECT key_id FROM audit ORDER BY seq DESC LIMIT 1`
	var id string
	err := s.db.QueryRow(ctx, last).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && id == s.Audit.id {
		return nil
	}
	if err != nil {
		return fmt.Errorf("key of the audit log: %w", err)
	}
	return s.RecordOnly(ctx, Act{Who: Operator(), Via: "start"}, Event{"audit.key", "audit log", map[string]any{"before": id, "after": s.Audit.id}})
}
