package catalog

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Normal returns the form in which identifiers are compared: scheme and host in lower case, default ports and trailing
// slashes left out, s3a and s3n as s3, and a file's address as the namespace "file" and its path. Names in a trino
// namespace are in lower case, as Trino has them. It returns "" for what names nothing.
func Normal(namespace, name string) (string, string) {
	namespace, name = bare(namespace), strings.TrimSpace(name)
	if len(namespace) >= 4 && strings.EqualFold(namespace[:4], "file") && (len(namespace) == 4 || namespace[4] == ':') {
		return normalFile(namespace[4:], name)
	}
	if scheme, rest, ok := strings.Cut(namespace, "://"); ok {
		host := normalHost(scheme, rest)
		if host == "" || scheme == "" {
			return "", ""
		}
		namespace = normalScheme(scheme) + "://" + host
	} else {
		namespace = strings.ToLower(namespace)
	}
	switch scheme, _, _ := strings.Cut(namespace, "://"); scheme {
	case "trino":
		name = strings.ToLower(name)
	case "s3", "gs", "abfss", "hdfs", "wasbs":
		name = strings.TrimLeft(bare(path.Clean("/"+bare(name))), "/ ")
	}
	if namespace == "" || name == "" {
		return "", ""
	}
	return namespace, name
}

// bare cuts spaces off s, and slashes off its end.
func bare(s string) string {
	return strings.TrimRightFunc(strings.TrimSpace(s), func(r rune) bool { return r == '/' || unicode.IsSpace(r) })
}

func normalScheme(scheme string) string {
	switch scheme = strings.ToLower(scheme); scheme {
	case "s3a", "s3n":
		return "s3"
	case "postgresql":
		return "postgres"
	}
	return scheme
}

var defaultPorts = map[string]string{"postgres": ":5432", "postgresql": ":5432", "kafka": ":9092", "trino": ":8080", "mysql": ":3306"}

func normalHost(scheme, rest string) string {
	rest, port := strings.ToLower(bare(rest)), defaultPorts[strings.ToLower(scheme)]
	for port != "" && strings.HasSuffix(rest, port) {
		rest = bare(strings.TrimSuffix(rest, port))
	}
	return rest
}

func normalFile(rest, name string) (string, string) {
	for _, prefix := range []string{"file://localhost", "file://", "file:"} {
		if after, ok := strings.CutPrefix(name, prefix); ok {
			name = after
			if plain, err := url.PathUnescape(name); err == nil { // it was an address
				name = plain
			}
			break
		}
	}
	if rest = strings.TrimPrefix(strings.TrimPrefix(rest, ":"), "//"); rest != "" && rest != "localhost" {
		name = path.Join("/"+rest, name)
	}
	if name = strings.TrimSpace(name); name == "" {
		return "", ""
	}
	return "file", strings.TrimSpace(path.Clean("/" + name))
}

// FileIdentifier returns the identifier of what lies at a location such as s3://bucket/key or file:///path. ok is false for
// a location that is none.
func FileIdentifier(location, rule string) (id Identifier, ok bool) {
	scheme, rest, found := strings.Cut(location, ":")
	switch {
	case !found && strings.HasPrefix(location, "/"):
		id = Identifier{Namespace: "file", Name: location, Rule: rule}
	case !found:
		return id, false
	case scheme == "file":
		id = Identifier{Namespace: "file", Name: location, Rule: rule}
	default:
		host, key, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
		id = Identifier{Namespace: scheme + "://" + host, Name: key, Rule: rule}
	}
	id.Namespace, id.Name = Normal(id.Namespace, id.Name)
	return id, id.Name != ""
}

// ownRule is the rule of a dataset's own name in its own source.
const ownRule = "its own name"

// Resolution is what a foreign name means.
type Resolution struct {
	Key  Key    // the dataset whose page shows it
	Rule string // how it was found, in words
}

// Resolve is the one place that maps a foreign name to a dataset: namespace and name as OpenLineage has them, and the other
// names that an event gives for the same thing. Names are tried in this order: an identifier that a crawl has seen; a
// source whose namespace or alias it is, with the name there, exactly and then without regard to case if that finds just
// one; then the symlinks in turn. It is NotFound when none leads anywhere, and Conflict when one leads to several things.
func (s *Store) Resolve(ctx context.Context, namespace, name string, symlinks ...Identifier) (Resolution, error) {
	names := append([]Identifier{{Namespace: namespace, Name: name}}, symlinks...)
	for i, id := range names {
		found, err := s.resolveOne(ctx, id)
		if err != nil {
			return Resolution{}, err
		}
		if len(found) > 1 {
			return Resolution{}, fault.Conflictf("%s in %s may be %s or %s", id.Name, id.Namespace, found[0].Key, found[1].Key)
		}
		if len(found) == 1 {
			if i > 0 {
				found[0].Rule = "a symlink of the event: " + found[0].Rule
			}
			return found[0], nil
		}
	}
	return Resolution{}, fault.NotFoundf("nothing here is known as %s in %s", name, namespace)
}

// resolveOne returns the pages that a name leads to, at most two.
func (s *Store) resolveOne(ctx context.Context, id Identifier) ([]Resolution, error) {
	const q = `
		WITH hit AS (
			SELECT coalesce(d.main_id, d.id) AS id, i.rule, 0 AS class, d.gone_at FROM dataset_identifier i JOIN dataset d ON d.id = i.dataset_id
			WHERE i.namespace = @namespace AND i.name = @normal
			UNION ALL
			SELECT coalesce(d.main_id, d.id), @own, CASE WHEN d.name = @name THEN 1 ELSE 2 END, d.gone_at
			FROM source s JOIN dataset d ON d.source_id = s.id AND lower(d.name) = lower(@name)
			WHERE @namespace <> '' AND @namespace IN (SELECT lower(rtrim(x, '/')) FROM unnest(s.namespace || s.aliases) x)
		), best AS (SELECT * FROM hit ORDER BY gone_at IS NOT NULL, class LIMIT 1)
		SELECT s.slug, d.name, min(h.rule) FROM hit h JOIN best b ON b.class = h.class AND (b.gone_at IS NULL) = (h.gone_at IS NULL)
		JOIN dataset d ON d.id = h.id JOIN source s ON s.id = d.source_id GROUP BY s.slug, d.name ORDER BY 1, 2 LIMIT 2`
	namespace, normal := Normal(id.Namespace, id.Name)
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"namespace": namespace, "normal": normal, "name": id.Name, "own": ownRule})
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Resolution, err error) {
		err = row.Scan(&r.Key.Source, &r.Key.Name, &r.Rule)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("resolve %s in %s: %w", id.Name, id.Namespace, err)
	}
	return found, nil
}
