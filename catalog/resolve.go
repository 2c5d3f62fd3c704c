package catalog

import (
	"net/url"
	"path"
	"strings"
)

// Normal returns the form in which identifiers are compared: scheme and host in lower case, default ports and trailing
// slashes left out, s3a and s3n as s3, and a file's address as the namespace "file" and its path. Names in a trino
// namespace are in lower case, as Trino has them. It returns "" for what names nothing.
func Normal(namespace, name string) (string, string) {
	namespace, name = strings.TrimSpace(namespace), strings.TrimSpace(name)
	if namespace == "file" || strings.HasPrefix(namespace, "file:") {
		return normalFile(strings.TrimPrefix(namespace, "file"), name)
	}
	if scheme, rest, ok := strings.Cut(namespace, "://"); ok {
		namespace = normalScheme(scheme) + "://" + normalHost(scheme, rest)
	} else {
		namespace = strings.ToLower(strings.TrimRight(namespace, "/"))
	}
	switch scheme, _, _ := strings.Cut(namespace, "://"); scheme {
	case "trino":
		name = strings.ToLower(name)
	case "s3", "gs", "abfss", "hdfs", "wasbs":
		name = strings.Trim(path.Clean("/"+name), "/")
	}
	if namespace == "" || name == "" {
		return "", ""
	}
	return namespace, name
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
	rest = strings.ToLower(strings.TrimRight(rest, "/"))
	return strings.TrimSuffix(rest, defaultPorts[strings.ToLower(scheme)])
}

func normalFile(rest, name string) (string, string) {
	for _, prefix := range []string{"file://localhost", "file://", "file:"} {
		if after, ok := strings.CutPrefix(name, prefix); ok {
			name = after
			break
		}
	}
	if rest = strings.TrimPrefix(strings.TrimPrefix(rest, ":"), "//"); rest != "" && rest != "localhost" {
		name = path.Join("/"+rest, name)
	}
	if strings.Contains(name, "%") {
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
	}
	if name == "" {
		return "", ""
	}
	return "file", path.Clean("/" + name)
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
