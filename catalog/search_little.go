package catalog

import (
	"slices"
	"strings"
)

// fillers are words by which people ask and that tell little of what they ask for. "we have flight data somewhere" asks for
// flight; a table called flight_data is still found first, by its whole name.
var fillers = func() map[string]bool {
	const words = `we us our i my me you your they what where who whom whose why how do does did have has had was were been being got get give show find
		list see look looking search want need know use using can could should would will may might please there here any some
		somewhere anywhere something anything everything about also if then than but so these those
		data dataset datasets table tables information info many much`
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w], m[singular(w)] = true, true
	}
	return m
}()

// maxAsked is the most words of a question that count.
const maxAsked = 24

// dropLittle drops the little words and then the fillers, each unless nothing else was asked. What is in quotes stays.
func (a *ask) dropLittle() {
	keep := func(little map[string]bool) []word {
		return slices.DeleteFunc(slices.Clone(a.words), func(w word) bool { return little[w.text] && !w.exact })
	}
	if told := keep(stops); len(told) > 0 {
		a.words = told
	}
	if told := keep(fillers); len(told) > 0 && len(told) < len(a.words) {
		for _, w := range a.words {
			if fillers[w.text] && !w.exact {
				a.polite = append(a.polite, w.text)
			}
		}
		a.words = told
	}
	if len(a.words) > maxAsked {
		a.words = a.words[:maxAsked]
	}
}

// sure returns the question without the words that nothing is called by. A word that is part of a joined one stays.
func (a *ask) sure() *ask {
	rest := *a
	rest.words = nil
	for i, w := range a.words {
		if !w.unknown() || i > 0 && a.words[i-1].joined != "" {
			rest.words = append(rest.words, w)
		}
	}
	return &rest
}
