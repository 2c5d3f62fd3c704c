package catalog

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Deciding once more decides the same, whatever was decided before.
func TestGroupIsSettledAtOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		var members []member
		for i := range 4 + random.IntN(10) {
			m := member{ID: int64(i + 1), Standing: Standing(random.IntN(3)), Live: random.IntN(8) > 0} //nolint:gosec // 0 to 2
			if random.IntN(2) == 0 {
				if main := int64(1 + random.IntN(i+1)); main != m.ID { // what was decided when identifiers were others
					m.MainID = &main
				}
			}
			members = append(members, m)
		}
		var links []link
		for range random.IntN(2 * len(members)) {
			a, b := members[random.IntN(len(members))].ID, members[random.IntN(len(members))].ID
			if a != b {
				links = append(links, link{A: a, B: b, RuleA: "r"}, link{A: b, B: a, RuleA: "r"})
			}
		}
		first := group(members, links)
		for i := range members {
			members[i].MainID = nil
			if to, ok := first[members[i].ID]; ok {
				members[i].MainID = &to.main
			}
		}
		if diff := cmp.Diff(mainsOf(first), mainsOf(group(members, links))); diff != "" {
			t.Fatalf("seed %d: the second time (-first +second):\n%s", seed, diff)
		}
	}
}

func mainsOf(shown map[int64]shownWith) map[int64]int64 {
	of := map[int64]int64{}
	for id, to := range shown {
		of[id] = to.main
	}
	return of
}
