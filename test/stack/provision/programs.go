package provision

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// artifact is an archive in a Maven repository.
type artifact struct {
	group, name, version string
	classifier           string // "" for none
	sum                  string // its SHA-256
	size                 int    // in MB
	top                  string // the folder in it that holds everything, or ""
}

// trinoPlugins are what is kept of Trino's 60 plugins. Trino does not start without geospatial.
var trinoPlugins = []string{
	"geospatial", "iceberg", "kafka", "memory", "password-authenticators", "postgresql", "resource-group-managers", "tpch",
}

// Trino returns the folder of Trino 476, which needs Java 22 or newer: newer ones are in no registry that we may use.
func (s *Store) Trino(ctx context.Context) (string, error) {
	return s.archive(ctx, artifact{
		group: "io.trino", name: "trino-server", version: "476", size: 821, top: "trino-server-476",
		sum: "cfd5accde17e8ebd251eeeb78aed1f490e77bb3a164d95a0f454bf8a7c1cbd3f",
	}, "trino-476-1", func(dir string) error { // raise the last number when the plugins change
		plugins, err := os.ReadDir(filepath.Join(dir, "plugin"))
		for _, p := range plugins { // only now: the archive's hard links point from plugin to plugin
			if err == nil && !slices.Contains(trinoPlugins, p.Name()) {
				err = os.RemoveAll(filepath.Join(dir, "plugin", p.Name()))
			}
		}
		return err
	})
}

// Apicurio returns the folder of Apicurio Registry 3.3.3, which needs Java 21 or newer.
func (s *Store) Apicurio(ctx context.Context) (string, error) {
	return s.archive(ctx, artifact{
		group: "io.apicurio", name: "apicurio-registry-app", version: "3.3.3", classifier: "all", size: 159,
		sum: "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63",
	}, "apicurio-3.3.3", nil)
}

// Keycloak returns the folder of Keycloak 26.7.3. It writes into its folder when it runs, so it is to be copied.
func (s *Store) Keycloak(ctx context.Context) (string, error) {
	return s.archive(ctx, artifact{
		group: "org.keycloak", name: "keycloak-quarkus-dist", version: "26.7.3", size: 176, top: "keycloak-26.7.3",
		sum: "77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47",
	}, "keycloak-26.7.3", nil)
}

// archive returns the folder that a's content was unpacked to. trim, which may be nil, removes what is not needed.
func (s *Store) archive(ctx context.Context, a artifact, name string, trim func(dir string) error) (string, error) {
	title := strings.Split(name, "-")[0] + " " + a.version
	return s.have(ctx, name, title, func(ctx context.Context, dir string) error {
		s.Say("%s: fetching %d MB", title, a.size)
		file := dir + ".tar.gz"
		defer os.Remove(file)
		if err := s.fetch(ctx, title, a, file); err != nil {
			return err
		}
		s.Say("%s: unpacking", title)
		if err := untar(ctx, file, dir, a.top); err != nil {
			return err
		}
		if trim == nil {
			return nil
		}
		return trim(dir)
	})
}

// fetch brings a's archive to file.
func (s *Store) fetch(ctx context.Context, title string, a artifact, file string) error {
	coordinates := strings.Join([]string{a.group, a.name, a.version, "tar.gz"}, ":")
	base := a.name + "-" + a.version
	if a.classifier != "" {
		coordinates, base = coordinates+":"+a.classifier, base+"-"+a.classifier
	}
	args := []string{"-Dtransitive=false", "-Dartifact=" + coordinates}
	return s.mvn(ctx, title, filepath.Dir(file), "get", args, func(repository string) error {
		folder := filepath.Join(repository, filepath.FromSlash(path.Join(strings.ReplaceAll(a.group, ".", "/"), a.name, a.version)))
		if err := checkSum(filepath.Join(folder, base+".tar.gz"), a.sum); err != nil {
			return err
		}
		return os.Rename(filepath.Join(folder, base+".tar.gz"), file)
	})
}

var (
	//go:embed pom.xml
	kafkaPOM []byte
	//go:embed kafka.sha256
	kafkaSums string
)

// Kafka returns the folder of the jars of Apache Kafka 4.3.1, which needs Java 17 or newer.
func (s *Store) Kafka(ctx context.Context) (string, error) {
	return s.have(ctx, "kafka-4.3.1", "kafka 4.3.1", func(ctx context.Context, dir string) error {
		s.Say("kafka 4.3.1: fetching 44 MB")
		project, err := os.MkdirTemp(s.Dir, "kafka-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(project)
		if err := os.WriteFile(filepath.Join(project, "pom.xml"), kafkaPOM, 0o644); err != nil {
			return err
		}
		args := []string{"-DincludeScope=runtime", "-DoutputDirectory=" + dir}
		return s.mvn(ctx, "kafka 4.3.1", project, "copy-dependencies", args, func(string) error {
			if err := checkSums(dir, kafkaSums); err != nil {
				for _, e := range entries(dir) {
					_ = os.Remove(filepath.Join(dir, e.Name()))
				}
				return fmt.Errorf("its jars: %w", err)
			}
			return nil
		})
	})
}

func entries(dir string) []os.DirEntry {
	found, _ := os.ReadDir(dir)
	return found
}
