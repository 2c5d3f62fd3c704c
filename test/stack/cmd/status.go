package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"portreeve/test/stack"
	"portreeve/test/stack/launch"
)

// status prints what runs in the background, what memory it takes and whether it answers.
func status(ctx context.Context) error {
	held, keeper, err := lock()
	if err != nil {
		return err
	}
	if held != nil {
		_ = held.Close()
		return errors.New("they are not up: start them with up")
	}
	s, err := stack.Read(stack.File())
	if err != nil || s.PID != keeper {
		return fmt.Errorf("process %d is starting or ending them", keeper)
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "server\tversion\tprocess\tMB\tanswers\tat\n")
	total := launch.Memory(keeper)
	var down []string
	for _, server := range s.Servers {
		answers := "yes"
		if err := launch.Answers(ctx, s, server.Name); err != nil {
			answers = "no"
			down = append(down, server.Name)
		}
		memory := launch.Memory(server.PID)
		total += memory
		fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%s\t%s\n", server.Name, server.Version, server.PID, memory>>20, answers, launch.Address(s, server.Name))
	}
	fmt.Fprintf(out, "keeper\t\t%d\t%d\t\t%s\n", keeper, launch.Memory(keeper)>>20, stack.File())
	fmt.Fprintf(out, "all\t\t\t%d\n", total>>20)
	if err := out.Flush(); err != nil {
		return err
	}
	if len(down) > 0 {
		return fmt.Errorf("%v: no answer; the logs are in %s", down, s.Home)
	}
	return nil
}
