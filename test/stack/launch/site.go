package launch

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"portreeve/test/stack"
)

// configs are the servers' settings, as templates over site.
//
//go:embed trino kafka keycloak portal
var configs embed.FS

// site is what the servers' settings are made of.
type site struct {
	Home     string
	Password string
	Ports    struct {
		Postgres, Trino, TrinoHTTPS, Kafka, KafkaSASL, KafkaController, Registry, Keycloak int
	}
	secrets secrets
}

const homePattern = "portreeve-stack-"

// newHome makes the folder of a platform. Others pass through it: Postgres and the engine's workers are other users, and
// they read the tables' files.
func newHome() (string, error) {
	dir, err := os.MkdirTemp("", homePattern)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// newSite chooses ports and makes secrets, and writes all files into home.
func newSite(home string) (*site, error) {
	s := &site{Home: home}
	err := freePorts(&s.Ports.Postgres, &s.Ports.Trino, &s.Ports.TrinoHTTPS, &s.Ports.Kafka, &s.Ports.KafkaSASL,
		&s.Ports.KafkaController, &s.Ports.Registry, &s.Ports.Keycloak)
	if err != nil {
		return nil, err
	}
	if s.secrets, err = newSecrets(filepath.Join(home, "secrets")); err != nil {
		return nil, err
	}
	s.Password = s.secrets.password
	for _, dir := range []string{"warehouse", "tmp", "trino/data", "kafka", "registry"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o755); err != nil {
			return nil, err
		}
	}
	for from, to := range map[string]string{"trino": "trino/etc", "kafka": "kafka", "keycloak": "keycloak/data/import", "portal": "portal"} {
		if err := s.render(from, filepath.Join(home, to)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// render writes the settings in the folder from of configs to the folder to.
func (s *site) render(from, to string) error {
	return fs.WalkDir(configs, from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := template.New(path).Option("missingkey=error").ParseFS(configs, path)
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := text.ExecuteTemplate(&out, filepath.Base(path), s); err != nil {
			return err
		}
		file := filepath.Join(to, strings.TrimPrefix(path, from))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, out.Bytes(), 0o600)
	})
}

// stack returns the description of the servers that will run.
func (s *site) stack() stack.Stack {
	local := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	database := func(name string) string {
		return "postgres://postgres@" + local(s.Ports.Postgres) + "/" + name + "?sslmode=disable"
	}
	return stack.Stack{
		Home: s.Home, PID: os.Getpid(),
		PostgresURL: database("app"), LakeURL: database("lake"), Warehouse: filepath.Join(s.Home, "warehouse"),
		Trino: "http://" + local(s.Ports.Trino), TrinoHTTPS: fmt.Sprintf("https://localhost:%d", s.Ports.TrinoHTTPS),
		Kafka: local(s.Ports.Kafka), KafkaSASL: local(s.Ports.KafkaSASL),
		Registry: "http://" + local(s.Ports.Registry) + "/apis/ccompat/v7",
		CA:       s.secrets.file("ca.pem"), ClientCert: s.secrets.file("client.pem"), ClientKey: s.secrets.file("client.key"),
		User: user, Password: s.Password, JWT: s.secrets.jwt, Limited: limited, LimitedJWT: s.secrets.limitedJWT,
	}
}

// write puts the description into file, whole or not at all.
func write(file string, s *stack.Stack) error {
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	half := fmt.Sprintf("%s.%d", file, os.Getpid())
	if err := os.WriteFile(half, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(half, file)
}

// freePorts sets each of ports to a port of 127.0.0.1 that nobody listens on. They are below those that systems hand out for
// outgoing connections, which could take one before its server does.
func freePorts(ports ...*int) error {
	const low, high, tries = 18000, 30000, 1000
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for range tries {
		if len(held) == len(ports) {
			return nil
		}
		port := low + rand.IntN(high-low) //nolint:gosec // any will do
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		*ports[len(held)] = port
		held = append(held, l)
	}
	return fmt.Errorf("of %d ports of 127.0.0.1 that were tried not %d are free", tries, len(ports))
}
