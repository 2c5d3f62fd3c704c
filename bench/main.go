// Command bench measures the figures that docs/benchmarks.md publishes: go run ./bench search -datasets 100000.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

// benchmarks are what can be measured, by name.
var benchmarks = map[string]func(ctx context.Context, out io.Writer, args []string) error{
	"audit":  auditCommand,
	"crawl":  crawlCommand,
	"demo":   demoCommand,
	"pages":  pagesCommand,
	"people": peopleCommand,
	"search": searchCommand,
	"trino":  trinoCommand,
}

// whole lists what "all" measures, in order.
var whole = [][]string{
	{"demo"},
	{"audit"},
	{"crawl"},
	{"search", "-datasets", "100000"},
	{"pages", "-datasets", "100000"},
	{"people", "-datasets", "100000"},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing of stop's is needed any more
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) == 0 {
		return errors.New("usage: go run ./bench all | demo [-runs N] | audit [-writers N] [-acts N] | crawl [-tables N] [-columns N] | trino [-tables N] | search [-datasets N] [-home FOLDER] | pages [-datasets N] [-home FOLDER] | people [-datasets N] [-edited N] [-home FOLDER]")
	}
	if args[0] == "all" {
		for _, one := range whole {
			if err := run(ctx, out, one); err != nil {
				return err
			}
		}
		return nil
	}
	measure, ok := benchmarks[args[0]]
	if !ok {
		return fmt.Errorf("there is no benchmark %q", args[0])
	}
	return measure(ctx, out, args[1:])
}

func flags(name string) *flag.FlagSet { return flag.NewFlagSet(name, flag.ContinueOnError) }
