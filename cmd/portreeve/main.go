// Command portreeve is the data portal: one binary that serves it, demonstrates it and looks after it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"portreeve/connector/duckdb"
	"portreeve/fault"
)

// version is set by the linker for releases.
var version = "dev"

const about = `Portreeve is a self-service data portal: find, understand and trust a company's data.

A first look needs nothing installed:  portreeve demo
At work it runs beside a Postgres:     DATABASE_URL=postgres://… portreeve serve

Every flag can be given as the environment variable beside it. Exit status: 0 done, 1 failed, 2 wrong usage.`

// cli is all flags, variables and commands; --help prints it as the manual.
type cli struct {
	DatabaseURL string `env:"DATABASE_URL" placeholder:"URL" help:"Postgres to keep everything in, such as postgres://user@host:5432/portreeve. Without it, demo and the commands that look after a demo use their own Postgres in the home folder."`
	Home        string `env:"PORTREEVE_HOME" placeholder:"FOLDER" help:"Where a demo keeps its data. Default: /var/lib/portreeve for root, $XDG_STATE_HOME/portreeve for others."`
	PostgresBin string `env:"PORTREEVE_POSTGRES_BIN" placeholder:"FOLDER" help:"Folder with initdb and postgres for the demo's own Postgres. Default: an installed one, else one is fetched once."`
	LogLevel    string `env:"PORTREEVE_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: debug, info, warn or error."`

	Key keyFlags `embed:""`

	Demo    demoCmd    `cmd:"" help:"Bring up the portal with its own Postgres over a lake of real sample data. Nothing needs to be installed."`
	Serve   serveCmd   `cmd:"" help:"Serve the portal on the database at DATABASE_URL."`
	Migrate migrateCmd `cmd:"" help:"Bring the database's schema up to date. serve does it too."`
	Crawl   crawlCmd   `cmd:"" help:"Read a source now, or all of them, and print what changed."`
	Source  sourceCmd  `cmd:"" help:"List the sources, or see what one of them lets be read."`
	Token   tokenCmd   `cmd:"" help:"Make and revoke tokens for the API."`
	Verify  verifyCmd  `cmd:"" help:"Check that the audit log is what was written: prints one line, and fails naming the first row that is not."`
	Version versionCmd `cmd:"" help:"Print the version."`
	Work    workCmd    `cmd:"" hidden:"" help:"Read rows for a portal that started this process."`
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "work" { // before anything else: this process gives up its rights first
		exit(duckdb.Work())
	}
	var c cli
	parser, err := kong.New(&c, kong.Name("portreeve"), kong.Description(about), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		exit(err)
	}
	k, err := parser.Parse(os.Args[1:])
	if err == nil {
		err = refuseUnknown(parser.Model, os.Environ())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "portreeve: %v\nTry portreeve --help.\n", err)
		os.Exit(2)
	}
	closeOnExec()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	k.BindTo(ctx, (*context.Context)(nil))
	err = k.Run(&c)
	stop()
	exit(err)
}

// exit ends the process: silently if all went well, else with what went wrong.
func exit(err error) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "portreeve:", told(err))
	if fault.KindOf(err) == fault.Invalid {
		os.Exit(2)
	}
	os.Exit(1)
}

// maxTold is how many characters of a line of an error are told: what others write may be a whole page.
const maxTold = 1000

// told returns what went wrong, fit for a terminal whoever wrote it: what a person is told, which for a file that they wrote may be several lines, and for an
// operator the first line of the cause.
func told(err error) string {
	text := err.Error()
	if f, ok := errors.AsType[*fault.Error](err); ok {
		if text = f.Msg; f.Kind == fault.Invalid && f.Err == nil {
			lines := strings.Split(text, "\n")
			for i, line := range lines {
				indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
				lines[i] = indent + fault.Line(line, maxTold)
			}
			return strings.Join(lines, "\n")
		}
		if f.Err != nil && !strings.Contains(text, f.Err.Error()) {
			cause, _, more := strings.Cut(strings.TrimSpace(f.Err.Error()), "\n")
			if cause = fault.Line(cause, 300); more {
				cause += " …"
			}
			text += " (" + cause + ")"
		}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return fault.Line(line, maxTold)
}

// logger returns a logger of JSON lines to w.
func (c *cli) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // kong has checked it
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	_, err := fmt.Fprintln(os.Stdout, "portreeve", version)
	return err
}

type workCmd struct{}

// Run serves the portal's requests for rows.
func (workCmd) Run() error { return duckdb.Work() }

// clock is the process's clock: the one place that reads it.
func clock() time.Time { return time.Now() }
