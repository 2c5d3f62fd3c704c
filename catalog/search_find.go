package catalog

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
)

const (
	countable = 2000 // datasets that are all looked at; of more, the best tiers and a sample
	tooMany   = 4000 // where a look at all of them stops, since there are more than thought
	nearest   = 200  // names read that begin with the question
	fewHits   = 5    // below, datasets with some of the words follow
	perTier   = 250  // datasets to be expected in the tier that is read
	perSample = 600  // datasets to be expected in the sample that is counted
	levels    = 5    // tiers and samples: the top 1/4, 1/16, 1/64, 1/256, 1/1024
)

// findings is what was found, before the details are read.
type findings struct {
	hits     []found
	total    int
	about    bool
	facets   map[string][]FacetValue
	read     int // datasets looked at for hits
	overflow bool
}

type found struct {
	ID    int64
	Base  float64 // by where the question was found
	Score float64 // and by the dataset's worth
	place int64
}

// baseAnywhere is the Base of a dataset with all words.
const baseAnywhere = 300

// look is one reading of the index.
type look struct {
	queries []string // each is read for its best
	limit   int      // datasets of each
	facets  bool     // count facets of what is read
}

// find chooses how to read the index and reads it.
func (a *ask) find(ctx context.Context, tx pgx.Tx) (findings, error) {
	if a.pointless() {
		return findings{}, nil
	}
	if a.question.Some || len(a.sure().words) < len(a.words) {
		return a.findSome(ctx, tx)
	}
	if a.expect(false)*a.share("") <= countable {
		f, err := a.findAll(ctx, tx)
		if err != nil || !f.overflow {
			return f, err
		}
	}
	return a.findBest(ctx, tx)
}

// pointless reports whether there is text without a letter or digit in the question: nothing is called so.
func (a *ask) pointless() bool {
	return a.whole == "" && slices.ContainsFunc(a.question.Clauses, func(c Clause) bool { return c.Op == "" && !c.Not })
}

// findAll looks at every dataset that answers the question. It says overflow when they are more than thought.
func (a *ask) findAll(ctx context.Context, tx pgx.Tx) (findings, error) {
	l := look{queries: []string{a.orAll(allOf([]string{a.anywhere(), a.must("")}))}, limit: tooMany + 1, facets: true}
	f, err := a.read(ctx, tx, l, 0)
	if err != nil {
		return f, err
	}
	f.overflow = f.read > tooMany
	f.total = f.read
	if f.read < fewHits && len(a.words) > 1 {
		return a.findSome(ctx, tx)
	}
	return f, nil
}

func (a *ask) orAll(query string) string { return cmp.Or(query, lexeme(everything)) }

// findSome looks at datasets with some of the words: all that are known, each in names, and all but one of the least telling.
func (a *ask) findSome(ctx context.Context, tx pgx.Tx) (findings, error) {
	must, share := a.must(""), a.share("")
	all := allOf([]string{a.anywhere(), must, a.tier("h", a.expect(false)*share, 0)})
	l := look{limit: max(100, a.depth()), facets: true, queries: []string{all}}
	sure := a.sure()
	if n := len(sure.words); n > 0 && n < len(a.words) {
		l.queries = append(l.queries, allOf([]string{sure.said("", false), must, a.tier("h", sure.expect(false)*share, 0)}))
	}
	for i, w := range sure.words {
		if sure.rarer(i) < maxSome {
			tier := a.tier("h", w.count(true)*share, 0)
			l.queries = append(l.queries, allOf([]string{w.query("n/", false), must, tier}))
		}
		if a.question.Some {
			l.queries = append(l.queries, allOf([]string{w.query("", false), must, a.tier("h", w.count(false)*share, 0)}))
		}
		if n := len(sure.words); n > 2 && sure.rarer(i) >= n-2 { // one of the two commonest
			rest := *a
			rest.words = slices.Delete(slices.Clone(sure.words), i, i+1)
			for j := range rest.words {
				rest.words[j].joined = "" // its neighbour may be another now
			}
			tier := a.tier("h", rest.expect(false)*share, 0)
			l.queries = append(l.queries, allOf([]string{rest.said("", false), must, tier}))
		}
	}
	f, err := a.read(ctx, tx, l, -1)
	f.total, f.about = f.read, f.read >= l.limit
	return f, err
}

// maxSome is how many words, the rarest first, are looked for each alone.
const maxSome = 4

// rarer returns how many words come before word i when the rarest is first.
func (a *ask) rarer(i int) int {
	n := 0
	for j, w := range a.words {
		if c, d := w.count(false), a.words[i].count(false); c < d || c == d && j < i {
			n++
		}
	}
	return n
}

// findBest looks at the best tiers only, and counts in a sample. Tiers that hold too little are widened.
func (a *ask) findBest(ctx context.Context, tx pgx.Tx) (findings, error) {
	if a.Sort == "name" {
		return a.findByName(ctx, tx)
	}
	var f findings
	for _, wider := range []int{0, 2, levels} {
		l := look{queries: a.bestOf(wider), limit: max(400, 2*a.depth())}
		level := -2
		if wider == 0 {
			level = a.sample(a.expect(false) * a.share(""))
		}
		next, err := a.read(ctx, tx, l, level)
		if err != nil {
			return f, err
		}
		if wider > 0 {
			next.total, next.facets, next.about = f.total, f.facets, f.about
		}
		f = next
		if f.read >= min(a.Offset+a.Limit, f.total) {
			break
		}
	}
	if !f.about && f.total <= countable && f.read < f.total { // fewer than thought: look at all
		return a.findAll(ctx, tx)
	}
	f.total = max(f.total, f.read)
	return f, nil
}

// depth returns how many datasets must be ranked, the same for all pages near each other so that they agree.
func (a *ask) depth() int {
	for n := 100; ; n *= 4 {
		if a.Offset+a.Limit <= n {
			return n
		}
	}
}

// bestOf returns the conditions whose best datasets are the answer's best. wider widens the tiers.
func (a *ask) bestOf(wider int) []string {
	must, share := a.must(""), a.share("")
	list := map[string]string{"used": "u", "fresh": "f"}[a.Sort]
	if len(a.words) == 0 || list != "" {
		list = cmp.Or(list, "h")
		tier := a.tier(list, a.expect(false)*share, wider)
		return []string{a.orAll(allOf([]string{a.anywhere(), must, tier}))}
	}
	var queries []string
	add := func(said string, n float64) {
		queries = append(queries, allOf([]string{said, must, a.tier("h", n*share, wider)}))
	}
	if c, ok := a.counts["c/"+a.whole]; ok {
		add(a.column, float64(c.DF))
	}
	named := a.expect(true)
	add(a.said("n/", false), named)
	if whole := a.said("n/", true); whole != a.said("n/", false) {
		exact := *a
		exact.words = slices.Clone(a.words)
		for i := range exact.words {
			exact.words[i].others = slices.DeleteFunc(slices.Clone(exact.words[i].others), func(m meaning) bool { return m.how != cut })
		}
		add(whole, exact.expect(true))
	}
	if named*share < 1000 || wider > 0 {
		add(a.said("", false), a.expect(false))
	}
	return queries
}

// tier returns the key of the narrowest tier that should hold enough of n datasets, or "" when that is all of them.
func (a *ask) tier(list string, n float64, wider int) string {
	level := narrowest(n, float64(max(perTier, 2*a.depth()))) - wider
	if level < 0 {
		return ""
	}
	return lexeme("#" + list + strconv.Itoa(level))
}

// sample returns the level of the smallest sample that should hold enough of n datasets, or -1 when that is all of them.
// A look at the columns of each is dear: then a quarter must do.
func (a *ask) sample(n float64) int {
	if len(a.within)+len(a.without) > 0 {
		return narrowest(n, perSample/4)
	}
	return narrowest(n, perSample)
}

// narrowest returns the highest level of which 1/4^(level+1) of n is at least enough, or -1.
func narrowest(n, enough float64) int {
	level := -1
	for level+1 < levels && n/4 >= enough {
		n /= 4
		level++
	}
	return level
}
