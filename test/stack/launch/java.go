package launch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// frugal are flags for servers that live a few minutes on few cores: quick compiler only, no threads to collect garbage.
var frugal = []string{"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError", "-Dfile.encoding=UTF-8"}

func (p *Platform) startTrino(ctx context.Context, programs programs) error {
	began := time.Now()
	for _, dir := range []string{"plugin", "secrets-plugin"} { // looked for in the folder it runs in
		if err := os.Symlink(filepath.Join(programs.trino, dir), filepath.Join(p.Home, "trino", dir)); err != nil {
			return err
		}
	}
	etc := filepath.Join(p.Home, "trino", "etc")
	args := slices.Concat([]string{
		"-cp", programs.trino + "/lib/*", "-Xmx1G", "-XX:-OmitStackTraceInFastThrow", "-XX:ReservedCodeCacheSize=256M",
		"-XX:+EnableDynamicAgentLoading", "--enable-native-access=ALL-UNNAMED", "-Djdk.attach.allowAttachSelf=true",
		"-Djdk.nio.maxCachedBufferSize=2000000", "-Djava.io.tmpdir=" + filepath.Join(p.Home, "tmp"),
		"-Dlog.levels-file=" + filepath.Join(etc, "log.properties"), "-Dconfig=" + filepath.Join(etc, "config.properties"),
	}, frugal)
	node, err := properties(filepath.Join(etc, "node.properties"))
	if err != nil {
		return err
	}
	for _, setting := range node {
		args = append(args, "-D"+setting)
	}
	s, err := p.start("trino", "476", nil, programs.java, append(args, "io.trino.server.TrinoServer")...)
	if err != nil {
		return err
	}
	return p.await(ctx, s, began)
}

func (p *Platform) startKafka(ctx context.Context, programs programs) error {
	began := time.Now()
	dir := filepath.Join(p.Home, "kafka")
	config := filepath.Join(dir, "server.properties")
	args := slices.Concat([]string{
		"-cp", programs.kafka + "/*", "-Xmx192m", "-Djava.net.preferIPv4Stack=true", "-Djava.io.tmpdir=" + filepath.Join(p.Home, "tmp"),
		"-Dlog4j2.configurationFile=" + filepath.Join(dir, "log4j2.yaml"),
	}, frugal)
	format := slices.Concat(args, []string{"kafka.tools.StorageTool", "format", "-c", config, "-t", clusterID()})
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
		for _, name := range []string{user, limited} {
			format = append(format, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, name, p.Password))
		}
	}
	if said, err := exec.CommandContext(ctx, programs.java, format...).CombinedOutput(); err != nil {
		return fmt.Errorf("kafka: cannot make its folder: %w\n%s", errors.Join(err, ctx.Err()), said)
	}
	s, err := p.start("kafka", "4.3.1", nil, programs.java, append(args, "kafka.Kafka", config)...)
	if err != nil {
		return err
	}
	return p.await(ctx, s, began)
}

// clusterID returns 16 random bytes as Kafka writes them.
func clusterID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	id[0] &= 0x7f // no leading "-", which would be taken for a flag
	return encode(id)
}

func (p *Platform) startRegistry(ctx context.Context, programs programs) error {
	began := time.Now()
	s, err := p.start("registry", "3.3.3", nil, programs.java, slices.Concat(frugal, []string{
		"-Xms64m", "-Xmx256m", "-Djava.io.tmpdir=" + filepath.Join(p.Home, "tmp"), "-Dquarkus.http.host=127.0.0.1",
		"-Dquarkus.management.host=127.0.0.1", "-Dquarkus.management.port=0", // of 9000, everybody's
		fmt.Sprintf("-Dquarkus.http.port=%d", p.site.Ports.Registry), "-jar", filepath.Join(programs.registry, "quarkus-run.jar"),
	})...)
	if err != nil {
		return err
	}
	return p.await(ctx, s, began)
}

func (p *Platform) startKeycloak(ctx context.Context, programs programs) error {
	began := time.Now()
	home := filepath.Join(p.Home, "keycloak") // it holds the realm to import already
	if err := os.CopyFS(home, os.DirFS(programs.keycloak)); err != nil {
		return err
	}
	address := fmt.Sprintf("http://127.0.0.1:%d", p.site.Ports.Keycloak)
	s, err := p.start("keycloak", "26.7.3", []string{
		"JAVA=" + programs.java, "JAVA_OPTS=-Xms128m -Xmx512m " + strings.Join(frugal, " "),
		"KC_BOOTSTRAP_ADMIN_USERNAME=admin", "KC_BOOTSTRAP_ADMIN_PASSWORD=" + p.Password,
	}, filepath.Join(home, "bin", "kc.sh"), "start-dev", "--import-realm", "--db=dev-mem", "--http-host=127.0.0.1",
		fmt.Sprintf("--http-port=%d", p.site.Ports.Keycloak), "--hostname="+address, "--features-disabled=kerberos")
	if err != nil {
		return err
	}
	p.Keycloak = address + "/realms/portreeve"
	return p.await(ctx, s, began)
}
