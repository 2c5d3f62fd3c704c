package launch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/trinodb/trino-go-client/trino" // that it is up is an answered query
	"github.com/twmb/franz-go/pkg/kgo"

	"portreeve/test/stack"
)

// Answers returns nil when the server of that name does what it is there for.
func Answers(ctx context.Context, s *stack.Stack, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	switch name {
	case "postgres":
		return postgresAnswers(ctx, s.PostgresURL)
	case "trino":
		return trinoAnswers(ctx, s.Trino)
	case "kafka":
		return kafkaAnswers(ctx, s.Kafka)
	case "registry":
		var subjects []string
		return get(ctx, s.Registry+"/subjects", &subjects)
	case "keycloak":
		return get(ctx, s.Keycloak+"/.well-known/openid-configuration", nil)
	case "portal":
		return get(ctx, s.Portal+"/readyz", nil)
	}
	return fmt.Errorf("there is no server %q", name)
}

// Address returns where the server of that name is.
func Address(s *stack.Stack, name string) string {
	switch name {
	case "postgres":
		return s.PostgresURL
	case "trino":
		return s.Trino + " " + s.TrinoHTTPS
	case "kafka":
		return s.Kafka + " " + s.KafkaSASL
	case "registry":
		return s.Registry
	case "keycloak":
		return s.Keycloak
	}
	return s.Portal
}

func postgresAnswers(ctx context.Context, address string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}

// trinoAnswers asks for the state first, which costs less, and then a question.
func trinoAnswers(ctx context.Context, address string) error {
	var info struct {
		Starting bool `json:"starting"`
	}
	if err := get(ctx, address+"/v1/info", &info); err != nil {
		return err
	}
	if info.Starting {
		return errors.New("it is starting")
	}
	db, err := sql.Open("trino", strings.Replace(address, "://", "://stack@", 1))
	if err != nil {
		return err
	}
	defer db.Close()
	var regions int
	return db.QueryRowContext(ctx, `SELECT count(*) FROM tpch.tiny.region`).Scan(&regions)
}

func kafkaAnswers(ctx context.Context, address string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Ping(ctx)
}

// get reads the JSON at an address, unless into is nil.
func get(ctx context.Context, address string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, response.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// Memory returns the resident bytes of a process, or 0 where the system does not tell.
func Memory(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
