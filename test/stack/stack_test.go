package stack_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/trinodb/trino-go-client/trino"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"portreeve/test/stack"
)

// deadline returns the test's context, which ends early enough for the test to say what hangs.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// trust returns what a client needs to believe the servers.
func trust(t *testing.T, s *stack.Stack) *tls.Config {
	t.Helper()
	authority, err := os.ReadFile(s.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		t.Fatal("no certificate in", s.CA)
	}
	return &tls.Config{RootCAs: pool}
}

func TestPostgresHasItsDatabases(t *testing.T) {
	t.Parallel()
	s, ctx := stack.Of(t), deadline(t)
	for name, address := range map[string]string{"app": s.PostgresURL, "lake": s.LakeURL} {
		conn, err := pgx.Connect(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := conn.QueryRow(ctx, `SELECT current_database()`).Scan(&got); err != nil || got != name {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err := conn.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

// ask returns the only value of a query's answer.
func ask(ctx context.Context, t *testing.T, dsn, query string, args ...any) (string, error) {
	t.Helper()
	db, err := sql.Open("trino", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var got string
	err = db.QueryRowContext(ctx, query, args...).Scan(&got)
	return got, err
}

func TestTrinoKnowsWhoAsks(t *testing.T) {
	t.Parallel()
	s := stack.Of(t)
	secured, err := url.Parse(s.TrinoHTTPS)
	if err != nil {
		t.Fatal(err)
	}
	secured.User = url.User(s.User)
	withPassword := *secured
	withPassword.User = url.UserPassword(s.User, s.Password)
	withWrongPassword := *secured
	withWrongPassword.User = url.UserPassword(s.User, "guess")
	pair, err := tls.LoadX509KeyPair(s.ClientCert, s.ClientKey)
	if err != nil {
		t.Fatal(err)
	}
	with := trust(t, s)
	with.Certificates = []tls.Certificate{pair}
	plainly := strings.Replace(s.Trino, "://", "://anybody@", 1)
	for _, tt := range []struct {
		name   string
		config trino.Config
		tls    *tls.Config
		want   string
		fails  string
	}{
		{"whoever says so, without encryption", trino.Config{ServerURI: plainly}, nil, "anybody", ""},
		{"a password", trino.Config{ServerURI: withPassword.String()}, trust(t, s), s.User, ""},
		{"a token", trino.Config{ServerURI: secured.String(), AccessToken: s.JWT}, trust(t, s), s.User, ""},
		{"a certificate", trino.Config{ServerURI: secured.String()}, with, s.User, ""},
		{"a wrong password", trino.Config{ServerURI: withWrongPassword.String()}, trust(t, s), "", "401"},
		{"nothing", trino.Config{ServerURI: secured.String()}, trust(t, s), "", "401"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			name := "stack-" + strings.ReplaceAll(tt.name, " ", "-")
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: tt.tls}}
			if err := trino.RegisterCustomClient(name, client); err != nil {
				t.Fatal(err)
			}
			tt.config.CustomClientName = name
			dsn, err := tt.config.FormatDSN()
			if err != nil {
				t.Fatal(err)
			}
			got, err := ask(deadline(t), t, dsn, `SELECT current_user`)
			if got != tt.want || (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestTrinoShowsLimitedUsersLittle(t *testing.T) {
	t.Parallel()
	s, ctx := stack.Of(t), deadline(t)
	dsn := strings.Replace(s.Trino, "://", "://"+s.Limited+"@", 1)
	if got, err := ask(ctx, t, dsn, `SELECT CAST(count(*) AS varchar) FROM tpch.tiny.region`); got != "5" {
		t.Errorf("what it may read: %q, %v", got, err)
	}
	for _, query := range []string{`SELECT name FROM tpch.sf1.region`, `SHOW SCHEMAS FROM memory`, `CREATE SCHEMA lake.open_stack`} {
		if _, err := ask(ctx, t, dsn, query); err == nil || !strings.Contains(err.Error(), "Access Denied") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestTrinoQueuesPortreeveInItsOwnGroup(t *testing.T) {
	t.Parallel()
	s, ctx := stack.Of(t), deadline(t)
	const q = `SELECT array_join(resource_group_id, '.') FROM system.runtime.queries WHERE source = ? AND user = ? LIMIT 1`
	for source, want := range map[string]string{"portreeve-stack": "portreeve", "something-else": "people"} {
		dsn, err := (&trino.Config{ServerURI: strings.Replace(s.Trino, "://", "://grouped@", 1), Source: source}).FormatDSN()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ask(ctx, t, dsn, q, source, "grouped"); got != want {
			t.Errorf("%s is in group %q, %v, want %s", source, got, err, want)
		}
	}
}

func TestKafkaLetsIn(t *testing.T) {
	t.Parallel()
	s := stack.Of(t)
	secured := []kgo.Opt{kgo.SeedBrokers(s.KafkaSASL), kgo.DialTLSConfig(trust(t, s))}
	by := func(m sasl.Mechanism) []kgo.Opt { return append(secured[:2:2], kgo.SASL(m)) }
	for _, tt := range []struct {
		name string
		opts []kgo.Opt
		err  error
	}{
		{"anybody on the plain listener", []kgo.Opt{kgo.SeedBrokers(s.Kafka)}, nil},
		{"PLAIN", by(plain.Auth{User: s.User, Pass: s.Password}.AsMechanism()), nil},
		{"SCRAM-SHA-256", by(scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism()), nil},
		{"SCRAM-SHA-512 of the limited user", by(scram.Auth{User: s.Limited, Pass: s.Password}.AsSha512Mechanism()), nil},
		{"nobody with a wrong password", by(plain.Auth{User: s.User, Pass: "guess"}.AsMechanism()), kerr.SaslAuthenticationFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := admin(t, tt.opts...).ListTopics(deadline(t)); !errors.Is(err, tt.err) {
				t.Errorf("error = %v, want %v", err, tt.err)
			}
		})
	}
}

func admin(t *testing.T, opts ...kgo.Opt) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

func TestKafkaLimitsTheLimitedUserByRules(t *testing.T) {
	t.Parallel()
	s, ctx := stack.Of(t), deadline(t)
	free, topic := admin(t, kgo.SeedBrokers(s.Kafka)), fmt.Sprintf("stack-secret-%d", time.Now().UnixNano())
	created, err := free.CreateTopics(ctx, 1, 1, nil, topic)
	if err := errors.Join(err, created.Error()); err != nil {
		t.Fatal(err)
	}
	rule := kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpDescribe, kadm.OpRead).
		Allow("User:" + s.User).AllowHosts()
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		_, err1 := free.DeleteACLs(ctx, kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpAny).
			Allow().AllowHosts().Deny().DenyHosts())
		_, err2 := free.DeleteTopics(ctx, topic)
		if err := errors.Join(err1, err2); err != nil {
			t.Error(err)
		}
	})
	mechanism := scram.Auth{User: s.Limited, Pass: s.Password}.AsSha512Mechanism()
	limited := admin(t, kgo.SeedBrokers(s.KafkaSASL), kgo.DialTLSConfig(trust(t, s)), kgo.SASL(mechanism))
	sees := func() bool {
		topics, err := limited.ListTopics(ctx, topic)
		return err == nil && topics.Has(topic) && topics[topic].Err == nil
	}
	if !sees() {
		t.Fatal("the limited user does not see a topic without rules")
	}
	if _, err := free.CreateACLs(ctx, rule); err != nil {
		t.Fatal(err)
	}
	for sees() { // until the rule has reached the broker
		if ctx.Err() != nil {
			t.Fatal("the limited user still sees a topic that another may see")
		}
	}
}

func TestRegistryKeepsSchemas(t *testing.T) {
	t.Parallel()
	s, ctx := stack.Of(t), deadline(t)
	subject := fmt.Sprintf("%s/subjects/stack-%d-value", s.Registry, time.Now().UnixNano())
	send := func(ctx context.Context, method, address, body string) int {
		request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewBufferString(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	t.Cleanup(func() { send(context.WithoutCancel(ctx), http.MethodDelete, subject, "") })
	if got := send(ctx, http.MethodPost, subject+"/versions", `{"schema": "{\"type\": \"string\"}"}`); got != http.StatusOK {
		t.Errorf("registering answers %d", got)
	}
	if got := send(ctx, http.MethodGet, subject+"/versions/latest", ""); got != http.StatusOK {
		t.Errorf("reading it answers %d", got)
	}
}

func TestReadRefusesWhatIsNotADescription(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/stack.json"
	if _, err := stack.Read(file); err == nil {
		t.Error("a missing file was read")
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := stack.Read(file); err == nil {
		t.Error("half a file was read")
	}
}
