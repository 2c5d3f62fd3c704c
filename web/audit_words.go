package web

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"portreeve/access"
)

// actPhrases say what each kind of act did, behind the name of who did it. {object} is what it was done to; what else stands in
// braces is of the act's detail.
var actPhrases = map[string]string{
	"access.approve": "gave {name} access to {object}",
	"access.deny":    "denied {name} access to {object}",
	"access.expire":  "ended the time of {name} on {object}",
	"access.request": "asked for access to {object}",
	"access.revoke":  "ended the access of {name} to {object}",

	"access.withdraw": "withdrew a request for {object}",

	"audit.export": "took a copy of the audit log",
	"audit.key":    "changed the key of the audit log",
	"audit.verify": "checked the audit log",

	"channel.change": "changed where notifications go",
	"crawl.start":    "started a crawl of {object}",

	"dataset.announce":             "announced “{text}” on {object}",
	"dataset.columns":              "changed the columns of {object}",
	"dataset.edit":                 "changed {fields} of {object}",
	"dataset.end_announcement":     "took down “{text}” on {object}",
	"dataset.register":             "registered {object}",
	"dataset.remove":               "removed {object}",
	"dataset.rename":               "renamed {object} from “{before}” to “{after}”",
	"dataset.restore":              "brought {object} back",
	"dataset.restore_announcement": "put “{text}” up again on {object}",
	"dataset.undo":                 "took back {fields} of {object}",

	"domain.add":            "added {object}",
	"domain.edit":           "changed {object}",
	"domain.retire":         "retired {object}",
	"domain.steward.add":    "made {person} a steward of {object}",
	"domain.steward.remove": "took {person} out of the stewards of {object}",

	"estate.people": "applied the teams, domains and rules of the estate",

	"person.create":  "added {object}",
	"person.disable": "disabled {object}",
	"person.enable":  "enabled {object}",
	"person.role":    "changed the role or the teams of {object}",

	"service.create": "added {object}",
	"session.end":    "ended a session of {object}",
	"session.start":  "signed in",

	"team.add":           "added {object}",
	"team.edit":          "changed {object}",
	"team.member.add":    "put {person} into {object}",
	"team.member.remove": "took {person} out of {object}",
	"team.retire":        "retired {object}",

	"term.add":    "added {object}",
	"term.delete": "deleted {object}",
	"term.edit":   "changed {object}",

	"token.create": "made the token “{name}” of {person}",
	"token.revoke": "revoked the token “{name}” of {person}",

	"watch.change": "changed how often {object} is told of",
	"watch.start":  "began to watch {object}",
	"watch.stop":   "ceased to watch {object}",
}

// actPart is a piece of what an act did, with the address of what it names.
type actPart struct{ Text, URL string }

// actParts say what an act did. Of an act that no phrase is for, or whose detail lacks what the phrase names, they are its action
// and its object.
func actParts(e *access.Entry) []actPart {
	object := actPart{objectName(e.Object), objectURL(e.Object)}
	plain := []actPart{{actWords(e.Action) + " ", ""}, object}
	phrase, ok := actPhrases[e.Action]
	var detail map[string]any
	if !ok || json.Unmarshal([]byte(e.Detail), &detail) != nil {
		return plain
	}
	var parts []actPart
	for phrase != "" {
		before, rest, named := strings.Cut(phrase, "{")
		parts = append(parts, actPart{before, ""})
		if !named {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		switch name {
		case "object":
			parts = append(parts, object)
		case "fields":
			parts = append(parts, actPart{fieldsOf(detail), ""})
		default:
			text := detailText(detail[name])
			if text == "" {
				return plain
			}
			parts = append(parts, actPart{cut(text, 80), ""})
		}
		phrase = after
	}
	return parts
}

// detailText is a text or number of a detail.
func detailText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// fieldsOf names the fields that an edit changed.
func fieldsOf(detail map[string]any) string {
	var names []string
	changes, _ := detail["changes"].([]any)
	for _, c := range changes {
		change, _ := c.(map[string]any)
		if name := fieldLabel(detailText(change["field"])); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	const named = 4
	switch {
	case len(names) == 0:
		return "the description"
	case len(names) > named:
		return strings.Join(names[:named], ", ") + " and more"
	}
	return strings.Join(names, ", ")
}

// objectName is what an act was done to, as people call it: a dataset by its name alone, a person without the number.
func objectName(object string) string {
	kind, name, ok := strings.Cut(object, " ")
	switch {
	case ok && kind == "dataset":
		return cut(name, 200)
	case ok && kind == "person":
		number, rest, both := strings.Cut(name, " ")
		if _, err := strconv.ParseInt(number, 10, 64); err == nil && both {
			name = rest
		}
		return cut(name, 200)
	case ok && slices.Contains([]string{"team", "domain", "source", "service", "term", "token"}, kind):
		return "the " + kind + " " + cut(name, 200)
	}
	return cut(object, 200)
}

// actGroup are the kinds of acts on one kind of thing.
type actGroup struct {
	Kind    string
	Actions []string
}

// actGroups are what the log can be narrowed to, and the action that was asked for where it is none of them.
func actGroups(asked string) []actGroup {
	var groups []actGroup
	known := asked == ""
	actions := []string{}
	for action := range actPhrases {
		actions = append(actions, action)
	}
	slices.Sort(actions)
	for _, action := range actions {
		kind, _, _ := strings.Cut(action, ".")
		if n := len(groups); n == 0 || groups[n-1].Kind != kind {
			groups = append(groups, actGroup{kind, []string{kind + "."}})
		}
		g := &groups[len(groups)-1]
		g.Actions = append(g.Actions, action)
		known = known || asked == action || asked == kind+"."
	}
	if !known {
		groups = append(groups, actGroup{"other", []string{asked}})
	}
	return groups
}

// actChoice is how the filter names an action, or all of one kind.
func actChoice(action string) string {
	if kind, ok := strings.CutSuffix(action, "."); ok {
		return "All of " + kind
	}
	return upperFirst(actWords(action))
}
