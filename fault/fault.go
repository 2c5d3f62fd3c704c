// Package fault holds the one error type that carries what a person may be told.
//
// Domain code returns faults; the entrances (web, job, cmd) decide what a kind means to them: a status, a retry, an exit
// status. Everything that is not a fault is Internal: it is logged whole and shown as nothing but a request id.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what the caller can do about an error.
type Kind uint8

// The kinds. The zero Kind is Internal: nobody but us can do anything about it.
const (
	Internal    Kind = iota
	Invalid          // the input is wrong; Field says where
	Forbidden        // the caller may not
	NotFound         // there is no such thing, or the caller may not know of it
	Conflict         // the thing has changed or is in the way
	Unavailable      // something we depend on does not answer; later may be better
)

// String returns the kind's lower-case name.
func (k Kind) String() string {
	switch k {
	case Invalid:
		return "invalid"
	case Forbidden:
		return "forbidden"
	case NotFound:
		return "not found"
	case Conflict:
		return "conflict"
	case Unavailable:
		return "unavailable"
	case Internal:
	}
	return "internal"
}

// Error is an error that a person can be shown.
type Error struct {
	Kind  Kind
	Field string // what is at fault, as a JSON Pointer ("/columns/3/name") or a form field, or ""
	Msg   string // a sentence without a full stop; never holds a secret
	Err   error  // the cause: logged, never shown
}

// Error returns the message and the cause, for logs.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Msg
	}
	return e.Msg + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's tree, or Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Message returns what a person may be told of err, or "" when that is nothing.
func Message(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Msg
	}
	return ""
}

// Invalidf returns an Invalid error that points at field.
func Invalidf(field, format string, args ...any) error {
	return &Error{Kind: Invalid, Field: field, Msg: fmt.Sprintf(format, args...)}
}

// Forbiddenf returns a Forbidden error.
func Forbiddenf(format string, args ...any) error {
	return &Error{Kind: Forbidden, Msg: fmt.Sprintf(format, args...)}
}

// NotFoundf returns a NotFound error.
func NotFoundf(format string, args ...any) error {
	return &Error{Kind: NotFound, Msg: fmt.Sprintf(format, args...)}
}

// Conflictf returns a Conflict error.
func Conflictf(format string, args ...any) error {
	return &Error{Kind: Conflict, Msg: fmt.Sprintf(format, args...)}
}

// Unavailablef returns an Unavailable error; cause is logged and never shown.
func Unavailablef(cause error, format string, args ...any) error {
	return &Error{Kind: Unavailable, Msg: fmt.Sprintf(format, args...), Err: cause}
}
