// Package stack is the real platform that tests and developers run the portal on: Postgres, Trino over Iceberg, Kafka and a
// schema registry, started without Docker by `go run ./test/stack/cmd`, once for a whole test run.
package stack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Stack says where the servers are. All listen on loopback only.
type Stack struct {
	Home string `json:"home"` // folder of the running servers' data and logs
	PID  int    `json:"pid"`  // of the process that looks after them

	// Postgres: the superuser's address of the database "app" (tables to crawl) and "lake" (Trino's Iceberg catalog).
	PostgresURL string `json:"postgres_url"`
	LakeURL     string `json:"lake_url"`
	// Warehouse is the folder of the Iceberg tables of Trino's catalog "lake", as iceberg-go and Trino share it. Its
	// Iceberg catalog is named "lake" and lies in the default schema of the database at LakeURL.
	Warehouse string `json:"warehouse"`

	Trino      string `json:"trino"`       // http://127.0.0.1:port: anyone may claim any name
	TrinoHTTPS string `json:"trino_https"` // https://localhost:port: asks for a password, a JWT or a client certificate
	Kafka      string `json:"kafka"`       // host:port, plain
	KafkaSASL  string `json:"kafka_sasl"`  // host:port, TLS and SASL: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512
	Registry   string `json:"registry"`    // http://127.0.0.1:port/apis/ccompat/v7

	// Credentials of the secured listeners.
	CA         string `json:"ca"`          // file, PEM: the authority that signed all certificates
	ClientCert string `json:"client_cert"` // file, PEM: of the user "portreeve"
	ClientKey  string `json:"client_key"`
	User       string `json:"user"` // "portreeve"
	Password   string `json:"password"`
	JWT        string `json:"jwt"` // of the same user, for Trino

	// Limited is a user with the same password who may do little. In Trino, on both listeners: read the schema tiny of tpch,
	// and of the catalogs lake and app the schemas whose names begin with "open"; the other catalogs are hidden. In Kafka, on
	// the secured listener: all, until a rule (ACL) names the resource.
	Limited    string `json:"limited"`
	LimitedJWT string `json:"limited_jwt"`

	// Keycloak is the issuer http://127.0.0.1:port/realms/portreeve, or "" where it was not asked for. Its public client is
	// "portreeve"; the users ann (groups data-eng and stewards) and ben (none) have the password above.
	Keycloak string `json:"keycloak,omitempty"`

	// Portal is the address of the portal over these servers, or "" where none was asked for.
	Portal string `json:"portal,omitempty"`

	Servers []Server `json:"servers"`
}

// Server is one of the running servers.
type Server struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	PID     int    `json:"pid"`
	Log     string `json:"log"` // file
}

// Variable names the environment variable that holds the path of the running stack's description. The portal lets it pass.
const Variable = "PORTREEVE_TEST_STACK"

// Of returns the running stack: that of `make test` or, without one, that of `make up`. A test without a stack fails.
func Of(tb testing.TB) *Stack {
	tb.Helper()
	path := os.Getenv(Variable)
	if path == "" {
		path = File()
	}
	s, err := Read(path)
	if err != nil {
		tb.Fatalf("the real servers do not run (%v): use make test, or start them with make stack", err)
	}
	return s
}

// Read returns the description in a file.
func Read(path string) (*Stack, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &Stack{}
	return s, json.Unmarshal(text, s)
}

// File is where the description of a developer's stack lies.
func File() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "portreeve", "stack", "stack.json")
}
