package postgres_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"portreeve/catalog"
	"portreeve/connector/postgres"
	"portreeve/fault"
	"portreeve/postgres/pgtest"
)

const hush = "hush-1?/@:%"

// wantFault checks an error's kind, that it tells a person what, and that it keeps the password to itself, cause and all.
func wantFault(t *testing.T, err error, kind fault.Kind, says string) {
	t.Helper()
	if fault.KindOf(err) != kind || !strings.Contains(fault.Message(err), says) {
		t.Errorf("error %v: %v; want %v with %q", fault.KindOf(err), err, kind, says)
	}
	if all := fmt.Sprintf("%v %s %q", err, err, err); strings.Contains(all, "hush") {
		t.Errorf("the error tells the password: %s", all)
	}
}

func openError(t *testing.T, config map[string]string) error {
	t.Helper()
	conn, err := postgres.Open(t.Context(), catalog.Source{Slug: "app", Kind: "postgres", Config: config})
	if err == nil {
		_ = conn.Close()
	}
	return err
}

// at returns split settings for the server of a pool, some of them changed.
func at(db *pgxpool.Pool, changed ...string) map[string]string {
	c := db.Config().ConnConfig
	out := map[string]string{
		"host": c.Host, "port": strconv.Itoa(int(c.Port)), "database": c.Database, "user": c.User, "password": hush,
	}
	for i := 0; i < len(changed); i += 2 {
		out[changed[i]] = changed[i+1]
	}
	return out
}

// front listens on loopback and hands each connection to serve with one to the server of db.
func front(t *testing.T, db *pgxpool.Pool, serve func(client, server net.Conn)) (host, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := db.Config().ConnConfig
	network, address := "tcp", net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	if strings.HasPrefix(c.Host, "/") {
		network, address = "unix", filepath.Join(c.Host, ".s.PGSQL."+strconv.Itoa(int(c.Port)))
	}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				client.Close()
				continue
			}
			go serve(client, server)
		}
	}()
	host, port, _ = net.SplitHostPort(l.Addr().String())
	return host, port
}

// pipe copies both ways until one side ends.
func pipe(client, server net.Conn) {
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	_, _ = io.Copy(client, server)
	client.Close()
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	host, port := front(t, db, pipe)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, nowhere, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	for _, tt := range []struct {
		name   string
		config map[string]string
		kind   fault.Kind
		says   string
	}{
		{"no server", at(db, "host", "127.0.0.1", "port", nowhere), fault.Unavailable, "does not answer"},
		{"no such host", at(db, "host", "nowhere.invalid"), fault.Unavailable, "does not answer"},
		{"no such database", at(db, "database", "nothing"), fault.NotFound, "there is no such database"},
		{"no such user", at(db, "user", "nobody"), fault.Forbidden, "the user nobody may not log in"},
		{"no TLS there", at(db, "host", host, "port", port, "sslmode", "require"), fault.Unavailable, "set sslmode to disable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantFault(t, openError(t, tt.config), tt.kind, tt.says)
		})
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	own := pgtest.Server(t)
	db := own.Pool()
	a := &application{db: db}
	a.exec(t, `SET password_encryption = 'scram-sha-256'; CREATE ROLE reader LOGIN PASSWORD `+literal(hush))
	var hba string
	if err := db.QueryRow(t.Context(), `SHOW hba_file`).Scan(&hba); err != nil {
		t.Fatal(err)
	}
	a.exec(t, `COPY (SELECT unnest('{local all reader scram-sha-256,local all all trust}'::text[])) TO `+literal(hba))
	a.exec(t, `SELECT pg_reload_conf()`)
	for deadline := time.Now().Add(10 * time.Second); ; { // the reload takes a moment
		err := openError(t, at(db, "user", "reader", "password", "hush wrong"))
		if err != nil {
			wantFault(t, err, fault.Forbidden, "the user reader may not log in")
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("any password does")
		}
	}
	if err := openError(t, at(db, "user", "reader")); err != nil {
		t.Error("with the right password:", err)
	}
	wantFault(t, openError(t, at(db, "user", "reader", "password", "")), fault.Forbidden, "the user reader may not log in")
}

// certificate writes one for name, signed by itself, and returns its file.
func certificate(t *testing.T, name string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spec := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, spec, spec, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestTLS(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	cert, file := certificate(t, "localhost")
	_, other := certificate(t, "localhost")
	host, port := front(t, db, func(client, server net.Conn) { // a server with TLS: the embedded one has only a Unix socket
		request := make([]byte, 8)
		if _, err := io.ReadFull(client, request); err != nil {
			return
		}
		_, _ = client.Write([]byte("S"))
		pipe(tls.Server(client, &tls.Config{Certificates: []tls.Certificate{cert}}), server)
	})
	config := func(changed ...string) map[string]string {
		return at(db, append([]string{"host", "localhost", "port", port, "sslmode", "verify-full"}, changed...)...)
	}
	if err := openError(t, config("ca_file", file)); err != nil {
		t.Error("with the right authority:", err)
	}
	wantFault(t, openError(t, config("ca_file", other)), fault.Unavailable, "unknown authority")
	wantFault(t, openError(t, config()), fault.Unavailable, "unknown authority")
	wantFault(t, openError(t, config("ca_file", file, "host", host)), fault.Unavailable, "another name")
}

// manyTables makes n tables that fill several batches.
func manyTables(tb testing.TB, a *application, n int) {
	tb.Helper()
	a.exec(tb, fmt.Sprintf(`DO $$ BEGIN
		FOR i IN 1..%d LOOP EXECUTE format('CREATE TABLE public.t%%s (id int)', i); END LOOP; END $$`, n))
}

// stream reads a scope and calls f at the first dataset. It returns how many came and the error that ended it.
func stream(t *testing.T, conn catalog.Connection, f func()) (good int, last error) {
	t.Helper()
	for o, err := range conn.Crawler.Datasets(t.Context(), "public", nil) {
		if last != nil {
			t.Error("the stream went on after", last)
		}
		switch {
		case err != nil && o.Name == "":
			last = err
		case err != nil:
			t.Error(o.Name, err)
		default:
			if good++; good == 1 {
				f()
			}
		}
	}
	return good, last
}

func TestServerEndsInTheMiddle(t *testing.T) {
	t.Parallel()
	own := pgtest.Server(t)
	a := &application{db: own.Pool()}
	a.exec(t, `DROP SCHEMA public CASCADE; CREATE SCHEMA public`)
	manyTables(t, a, 450)
	conn := open(t, a.db)
	for name, end := range map[string]func(){"stopped": own.Stop, "killed": own.Kill} {
		good, err := stream(t, conn, end)
		wantFault(t, err, fault.Unavailable, "the database")
		if good == 0 || good >= 450 {
			t.Errorf("%s: %d datasets", name, good)
		}
		own.Start()
		if good, err := stream(t, conn, func() {}); err != nil || good != 450 {
			t.Errorf("%s, after the start: %d datasets, error %v", name, good, err)
		}
	}
}

func TestServerFallsSilentInTheMiddle(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	manyTables(t, a, 450)
	host, port := front(t, a.db, pipe)
	toxi := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(toxi, "pg", "127.0.0.1:0", net.JoinHostPort(host, port))
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	through, portThrough, _ := net.SplitHostPort(proxy.Listen)
	conn := open(t, a.db, "url", "postgres://"+a.db.Config().ConnConfig.User+"@"+through+":"+portThrough+"/"+
		a.db.Config().ConnConfig.Database+"?sslmode=disable", "statement_timeout", "1s")
	start := time.Now()
	good, err := stream(t, conn, func() {
		for _, direction := range []string{"upstream", "downstream"} { // nothing is lost, nothing comes through: half open
			toxic := `{"name":"` + direction + `","type":"timeout","stream":"` + direction + `","attributes":{"timeout":0}}`
			if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
				t.Error(err)
			}
		}
	})
	wantFault(t, err, fault.Unavailable, "does not answer in time")
	if took := time.Since(start); good == 0 || good >= 450 || took > 60*time.Second {
		t.Errorf("%d datasets, then an error after %s", good, took)
	}
}

// A table that is being altered fails alone, and so does a view of it. Nobody waits long.
func TestLockedTable(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	manyTables(t, a, 100)
	a.exec(t, `CREATE VIEW public.locked_view AS SELECT * FROM public.t50; ALTER TABLE public.t50 ADD CHECK (id > 0)`)
	tx, err := a.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `ALTER TABLE public.t50 ADD more int`); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	seen, failed := crawl(t, a.conn, "public", nil)
	if took := time.Since(start); took > 60*time.Second {
		t.Errorf("the crawl took %s", took)
	}
	if len(seen) != 101 || len(failed) != 2 {
		t.Fatalf("%d datasets, errors %v", len(seen), failed)
	}
	for _, name := range []string{"public.t50", "public.locked_view"} {
		wantFault(t, failed[name], fault.Unavailable, "locked by another transaction")
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen, failed := crawl(t, a.conn, "public", nil); len(failed) > 0 || len(seen) != 101 || len(seen["public.t50"].Columns) != 1 {
		t.Errorf("after the lock: %d datasets, errors %v", len(seen), failed)
	}
}

// Tables that go, or change their names, while a stream runs make no dataset of a name that was not there or come twice.
func TestChangesInTheMiddle(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	manyTables(t, a, 450)
	seen := map[string]string{}
	for o, err := range a.conn.Crawler.Datasets(t.Context(), "public", nil) {
		if err != nil {
			t.Fatal(o.Name, err)
		}
		if len(seen) == 0 {
			a.exec(t, `DROP TABLE public.t400; ALTER TABLE public.t1 RENAME TO aside; ALTER TABLE public.t449 RENAME TO t1;
				ALTER TABLE public.aside RENAME TO t449`)
		}
		if seen[o.Name] != "" {
			t.Errorf("%s came twice", o.Name)
		}
		seen[o.Name] = o.NativeID
	}
	if len(seen) != 449 || seen["public.t400"] != "" || seen["public.t1"] == seen["public.t449"] {
		t.Errorf("%d datasets, t400 is %q", len(seen), seen["public.t400"])
	}
}

// A role without any right sees all that the catalogs tell, and the page says that it may not read.
func TestRoleWithoutRights(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	role := a.db.Config().ConnConfig.Database + "_reader"
	a.exec(t, `CREATE ROLE `+quote(role)+` LOGIN; CREATE SCHEMA closed; CREATE TABLE closed.hidden AS SELECT 1 AS id;
		CREATE TABLE public.unseen (id int); CREATE TABLE public.seen (id int, b int); GRANT SELECT (b) ON public.seen TO `+quote(role))
	t.Cleanup(func() {
		if _, err := a.db.Exec(context.Background(), `DROP OWNED BY `+quote(role)+`; DROP ROLE `+quote(role)); err != nil {
			t.Error(err)
		}
	})
	conn, err := postgres.Open(t.Context(), catalog.Source{Config: at(a.db, "user", role)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	hidden, failed := crawl(t, conn, "closed", nil)
	o := hidden["closed.hidden"]
	if len(failed) > 0 || len(o.Columns) != 1 || o.ByteCount == nil || !strings.Contains(o.Properties["readable"], "no USAGE") {
		t.Errorf("errors %v, %+v", failed, o)
	}
	if !strings.Contains(o.NativeID, "/") || strings.HasPrefix(o.NativeID, "0/") {
		t.Errorf("native id %q", o.NativeID)
	}
	open, failed := crawl(t, conn, "public", nil)
	if len(failed) > 0 || open["public.seen"].Properties["readable"] != "" || open["public.unseen"].Properties["readable"] == "" {
		t.Errorf("errors %v, properties %v and %v", failed, open["public.seen"].Properties, open["public.unseen"].Properties)
	}
}
