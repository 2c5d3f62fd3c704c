package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"portreeve/fault"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	cause := errors.New("dial unix /secret: refused")
	tests := []struct {
		name string
		err  error
		want fault.Kind
		msg  string
	}{
		{"nil is internal", nil, fault.Internal, ""},
		{"a plain error is internal and says nothing", cause, fault.Internal, ""},
		{"wrapped keeps its kind", fmt.Errorf("dataset 7: %w", fault.NotFoundf("no dataset %s", "x")), fault.NotFound, "no dataset x"},
		{"the cause is not told", fault.Unavailablef(cause, "the lake does not answer"), fault.Unavailable, "the lake does not answer"},
		{"the outermost fault wins", fmt.Errorf("a: %w", &fault.Error{Kind: fault.Conflict, Msg: "m", Err: fault.NotFoundf("n")}), fault.Conflict, "m"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fault.KindOf(tt.err); got != tt.want {
				t.Errorf("KindOf = %v, want %v", got, tt.want)
			}
			if got := fault.Message(tt.err); got != tt.msg {
				t.Errorf("Message = %q, want %q", got, tt.msg)
			}
		})
	}
}

func TestCauseStaysReachable(t *testing.T) {
	t.Parallel()
	cause := errors.New("x")
	if !errors.Is(fault.Unavailablef(cause, "m"), cause) {
		t.Error("the cause is lost to errors.Is")
	}
}
