package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"portreeve/catalog"
)

func TestShowable(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"s3.secret-access-key", "App.Password", "db_passwd", "dbPwd", "DB_PASS", "GITHUB_TOKEN", "my.credentials", "s3.access-key-id",
		"accessKey", "ACCESS_KEY", "x-api-key", "apiKey", "private_key", "adls.sas-token.acc", "fs.azure.sas.box", "sessionKey",
		"session-key", "to\u200bken", "to.k.en", "sſecret", "to\u212aen", "storageAccountKey", "sasl.jaas.config", "Authorization",
		"ssl.key.passphrase", "connection string",
	} {
		if catalog.Showable(name) {
			t.Errorf("%q is shown", name)
		}
	}
	for _, name := range []string{
		"", "owner", "app.color", "write.format.default", "write.metadata.delete-after-commit.enabled", "disaster.plan", "usa.sales",
		"cleanup.policy", "min.insync.replicas", "message.timestamp.type", "confluent.key.schema.validation", "bypass", "compass",
		"author", "passenger.count", "primary key",
	} {
		if !catalog.Showable(name) {
			t.Errorf("%q is hidden", name)
		}
	}
}

var userinfo = map[string]string{
	"": "", "plain text": "plain text", "ann@example.com": "ann@example.com", "s3://bucket/a@b/c": "s3://bucket/a@b/c",
	"postgres://u:hush@db:5432/app":                       "postgres://db:5432/app",
	"jdbc:postgresql://u:hush@db/app":                     "jdbc:postgresql://db/app",
	"see https://hush@git.example/x, or http://h:8080/@a": "see https://git.example/x, or http://h:8080/@a",
	"amqp://u:hu@sh@mq":                                   "amqp://mq",
	"postgres://u:hu/sh?x#y@db/app":                       "postgres://db/app",
	"mongodb://u:hush@a:1,b:2/d mongodb://u:hush@c":       "mongodb://a:1,b:2/d mongodb://c",
	"ftp://[::1]:21/a@b":                                  "ftp://[::1]:21/a@b",
	"u:hush@db:5432":                                      "db:5432",
	`{"at":"u:hush@db","url":"http://u:hush@h/"}`:         `{"at":"db","url":"http://h/"}`,
	"ABFSS://box@acc.dfs.example/p":                       "ABFSS://box@acc.dfs.example/p",
	"abfss://box:hush@acc.dfs.example/p":                  "abfss://acc.dfs.example/p",
}

func TestWithoutUserinfo(t *testing.T) {
	t.Parallel()
	for text, want := range userinfo {
		if got := catalog.WithoutUserinfo(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	began := time.Now()
	for _, part := range []string{"a://b:c/", "a://", "a://b@", "a:b@", "a:", "@", "a://b:c/@"} {
		catalog.WithoutUserinfo(strings.Repeat(part, 1<<20/len(part)) + "@")
	}
	if took := time.Since(began); took > 60*time.Second {
		t.Errorf("7 MiB took %v", took)
	}
}

func FuzzWithoutUserinfo(f *testing.F) {
	for text := range userinfo {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := catalog.WithoutUserinfo(text)
		if len(got) > len(text) || utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q became %q", text, got)
		}
		if got := catalog.WithoutUserinfo("http://u:hush@h.example/ " + text); !strings.HasPrefix(got, "http://h.example/ ") {
			t.Errorf("before %q: %q", text, got)
		}
	})
}

func TestShownProperties(t *testing.T) {
	t.Parallel()
	all := map[string]string{"a.token": "hush", "a.url": "http://u:hush@h/", "a.long": "http://u:" + strings.Repeat("hush", 300) + "@h/"}
	for i := range 1000 {
		all[fmt.Sprintf("b%04d", i)] = strings.Repeat("x", 5000)
	}
	got := catalog.ShownProperties(all)
	if len(got) != catalog.MaxProperties || got["a.url"] != "http://h/" || got["a.long"] != "http://h/" || len(got["b0000"]) > 1024 || got["b0497"] == "" {
		t.Errorf("%d properties, %.300q", len(got), got)
	}
	for name, value := range got {
		if strings.Contains(name+value, "hush") || name == "a.token" {
			t.Errorf("%s: %s is shown", name, value)
		}
	}
}
