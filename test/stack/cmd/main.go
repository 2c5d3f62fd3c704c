// Command cmd runs the real servers of package stack:
//
//	run [--with keycloak] -- COMMAND …   while COMMAND runs, whose exit status it returns
//	up [--with keycloak] [--portal FILE] in the background, until down; FILE is a portal to start over them
//	down
//	status
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"portreeve/test/stack/launch"
	"portreeve/test/stack/provision"
)

const usage = `usage: go run ./test/stack/cmd COMMAND
  run [--with keycloak] -- PROGRAM ARGUMENTS   start the real servers, run the program, end the servers
  up [--with keycloak] [--portal FILE]         start them in the background, and FILE, a portal, over them and some data
  down                                         end those
  status                                       say how they are
`

func main() {
	os.Exit(command(os.Args[1:]))
}

// command returns the exit status.
func command(args []string) int {
	syscall.Umask(0o022) // Postgres and the engine's workers run as other users
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx = endWithParent(ctx)
	if len(args) == 0 {
		args = []string{""}
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	with := flags.String("with", "", "servers to start with the others, with commas between them: keycloak")
	portal := flags.String("portal", "", "program of a portal to start over the servers and some data")
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	code, err := 0, error(nil)
	switch args[0] {
	case "run":
		code, err = run(ctx, list(*with), flags.Args())
	case "up":
		err = up(ctx, *with, *portal)
	case "keep":
		err = keep(ctx, list(*with), *portal)
	case "down":
		err = down(ctx)
	case "status":
		err = status(ctx)
	default:
		flags.Usage()
		return 2
	}
	if err != nil {
		say("%v", err)
		return max(code, 1)
	}
	return code
}

// endWithParent returns a context that ends when the process that started us does: go run and make do not pass signals on.
func endWithParent(ctx context.Context) context.Context {
	if len(os.Args) > 1 && os.Args[1] == "keep" {
		return ctx
	}
	ctx, cancel := context.WithCancelCause(ctx)
	parent := os.Getppid()
	go func() {
		for ctx.Err() == nil {
			if os.Getppid() != parent {
				cancel(errors.New("the process that started us has ended"))
			}
			time.Sleep(200 * time.Millisecond)
		}
	}()
	return ctx
}

func list(with string) []string {
	return strings.FieldsFunc(with, func(r rune) bool { return r == ',' })
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "stack: "+format+"\n", args...)
}

// options returns what all ways of starting share.
func options(with []string) (launch.Options, error) {
	dir, err := provision.Dir()
	return launch.Options{Store: &provision.Store{Dir: dir, Say: say}, With: with, Say: say}, err
}
