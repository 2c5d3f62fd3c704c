package schemaregistry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"portreeve/catalog"
)

const (
	maxSubjects = 500_000
	listPage    = 1000
	overlap     = 50 // names that two pages share: as many subjects may come or go between them
	headPage    = 500
	maxList     = 16 << 20  // bytes of a page of subjects
	maxSchema   = 8 << 20   // bytes of one version
	maxHeads    = 256 << 20 // bytes of a page of heads, of which one at a time is in memory
)

// version is one version of a subject as registries write it.
type version struct {
	Subject    string                    `json:"subject"`
	Version    int                       `json:"version"`
	ID         int                       `json:"id"`
	Type       string                    `json:"schemaType"` // "" is AVRO
	Schema     string                    `json:"schema"`
	References []catalog.SchemaReference `json:"references"`
	Metadata   struct {
		Properties map[string]string `json:"properties"`
		Sensitive  []string          `json:"sensitive"` // properties not to show
	} `json:"metadata"`
}

// sum tells this version from any other, also of a registry that was emptied and counts from 1 again.
func (v *version) sum() string {
	h := sha256.New()
	for _, s := range []string{strconv.Itoa(v.Version), strconv.Itoa(v.ID), v.Type, v.Schema} {
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	if len(v.References)+len(v.Metadata.Properties)+len(v.Metadata.Sensitive) > 0 { // empty and missing are the same
		_ = json.NewEncoder(h).Encode([]any{v.References, v.Metadata}) // texts, numbers and sorted maps: cannot fail
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// subjects returns the names of all subjects, those of all contexts. Registries cut the list without a word (Apicurio at 999,
// Confluent at 20,000), so it is read in pages, which overlap to show whether it moved meanwhile.
func (c *client) subjects(ctx context.Context) ([]string, error) {
	for range 5 {
		all, whole, err := c.pages(ctx)
		if whole || err != nil {
			return all, err
		}
	}
	return nil, &silence{why: "changes its list of subjects faster than it can be read"}
}

// pages is false when the list moved so far that the pages cannot be put together.
func (c *client) pages(ctx context.Context) (all []string, whole bool, err error) {
	seen := map[string]bool{}
	for {
		from := max(len(all)-overlap, 0)
		var page []string
		err := c.get(ctx, fmt.Sprintf("/subjects?offset=%d&limit=%d", from, listPage), maxList, &page)
		switch {
		case len(all) == 0 && dislikesQuery(err):
			err = c.get(ctx, "/subjects", maxList, &all)
			return all, true, err
		case err != nil:
			return nil, false, err
		case len(all) == 0 && len(page) < overlap:
			return page, true, nil // nobody cuts it that short
		case from > 0 && len(page) > 0 && page[0] == all[0]:
			return all, true, nil // it does not know of pages: this is the first again
		}
		if len(all) > 0 {
			at := lastShared(all[from:], page)
			if at < 0 {
				return nil, false, nil
			}
			page = page[at+1:]
		}
		before := len(all)
		for _, name := range page {
			if !seen[name] {
				seen[name] = true
				all = append(all, name)
			}
		}
		if len(all) == before {
			return all, true, nil
		}
		if len(all) > maxSubjects {
			return nil, false, &silence{why: fmt.Sprintf("has more than %d subjects", maxSubjects)}
		}
	}
}

// dislikesQuery reports whether a registry refuses what it does not know in a query.
func dislikesQuery(err error) bool {
	no, ok := errors.AsType[*refusal](err)
	return ok && (no.status == http.StatusBadRequest || no.status == http.StatusUnprocessableEntity)
}

// lastShared returns where in page the last of the names is that page has at all, or -1.
func lastShared(names, page []string) int {
	for _, name := range slices.Backward(names) {
		if at := slices.Index(page, name); at >= 0 {
			return at
		}
	}
	return -1
}

// version returns a version of a subject, of which "latest" is one.
func (c *client) version(ctx context.Context, subject, number string) (version, error) {
	var v version
	err := c.get(ctx, "/subjects/"+segment(subject)+"/versions/"+number, maxSchema, &v)
	if err == nil && v.Version == 0 {
		err = &silence{why: "answers with something that is no version of a subject"}
	}
	return v, err
}

// numbers returns the versions that a subject has now, newest first, without deleted ones.
func (c *client) numbers(ctx context.Context, subject string) ([]int, error) {
	var numbers []int
	err := c.get(ctx, "/subjects/"+segment(subject)+"/versions", maxRefusal<<4, &numbers)
	slices.Sort(numbers)
	slices.Reverse(numbers)
	return numbers, err
}

// heads returns the sums of the newest versions by subject from a few answers for all, where the registry names the subjects
// there. Apicurio's does not, and others have no such path: then it is empty and nothing is lost but time.
func (c *client) heads(ctx context.Context) map[string]string {
	heads := map[string]string{}
	for offset, limit := 0, 1; len(heads) <= maxSubjects; {
		before := len(heads)
		path := fmt.Sprintf("/schemas?latestOnly=true&offset=%d&limit=%d", offset, limit)
		err := c.do(ctx, path, 4*c.timeout, func(body io.Reader) error { return readHeads(body, heads) })
		if err != nil || len(heads) == before { // what is missing is asked for one by one
			return heads
		}
		offset, limit = len(heads), headPage
	}
	return heads
}

var errNoHeads = errors.New("the answer does not say of which subject a schema is")

// readHeads adds the versions of an answer to heads, holding one of them at a time.
func readHeads(body io.Reader, heads map[string]string) error {
	one := &io.LimitedReader{R: io.LimitReader(body, maxHeads), N: maxSchema} // no single version fills the memory
	decoder := json.NewDecoder(one)
	if first, err := decoder.Token(); err != nil {
		return err
	} else if first != json.Delim('[') {
		return &silence{why: errNoHeads.Error(), err: errNoHeads}
	}
	for decoder.More() {
		if len(heads) > maxSubjects {
			return &silence{why: fmt.Sprintf("has more than %d subjects", maxSubjects)}
		}
		var v version
		one.N = maxSchema + 1<<20 // what the decoder has read ahead counts for the one before
		if err := decoder.Decode(&v); err != nil {
			return err
		}
		if v.Subject == "" || v.Version == 0 {
			return &silence{why: errNoHeads.Error(), err: errNoHeads}
		}
		heads[v.Subject] = v.sum()
	}
	_, err := decoder.Token()
	return err
}

// Codes of registries: what is not there.
const (
	noSubject   = 40401
	noVersion   = 40402
	noOwnLevel  = 40408 // Confluent's, where a subject has no compatibility of its own
	nobodysName = "portreeve-asks-whether-you-tell-own-from-inherited"
)

// levels tells the compatibility of subjects.
type levels struct {
	global string
	told   bool // the registry says which subjects have one of their own
}

// levels returns the registry's own compatibility. A registry that does not tell is none to fail for.
func (c *client) levels(ctx context.Context) levels {
	var l levels
	l.global, _ = c.level(ctx, "/config")
	_, err := c.level(ctx, "/config/"+nobodysName)
	var no *refusal
	l.told = errors.As(err, &no) && no.code == noOwnLevel
	return l
}

// of returns the compatibility of a subject and whether it is the registry's. Apicurio answers NONE for a subject without one
// of its own unless it is asked for the one that holds; then only a difference shows whose it is.
func (l levels) of(ctx context.Context, c *client, subject string) (level string, inherited bool, err error) {
	path := "/config/" + segment(subject)
	if !l.told {
		path += "?defaultToGlobal=true"
	}
	level, err = c.level(ctx, path)
	if _, ok := errors.AsType[*refusal](err); ok {
		return l.global, l.global != "", nil // it has none, or is not for us to know
	}
	return level, err == nil && !l.told && level == l.global, err
}

func (c *client) level(ctx context.Context, path string) (string, error) {
	var answer struct {
		Level string `json:"compatibilityLevel"`
	}
	err := c.get(ctx, path, maxRefusal, &answer)
	return cut(answer.Level, 100), err
}
