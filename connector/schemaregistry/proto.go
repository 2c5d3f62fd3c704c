package schemaregistry

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"
	"github.com/bufbuild/protocompile/sourceinfo"
	"google.golang.org/protobuf/types/descriptorpb"
)

const (
	maxProto        = 1 << 20 // bytes of one file
	maxProtoNesting = 60      // brackets within brackets
)

// protoSchema is the messages and enums of a file and of those that it imports. Files are parsed and not linked, so that an
// import that is missing, or an option that nobody defines, costs the fields behind it and no more.
type protoSchema struct {
	messages map[string]protoMessage // by full name
	enums    map[string][]string     // symbols by full name
}

type protoMessage struct {
	*descriptorpb.DescriptorProto
	full     string
	file     *descriptorpb.FileDescriptorProto
	comments map[string]string // by path in the file
	path     string
}

// decodeProto reads a file of Protocol Buffers: the message that the subject's name asks for, else the first, which is what a
// serializer writes unless it is told otherwise.
func decodeProto(text string, files []file, subject string) (shape, error) {
	s := protoSchema{messages: map[string]protoMessage{}, enums: map[string][]string{}}
	top, err := s.add("schema.proto", text)
	if err != nil {
		return shape{}, err
	}
	for _, f := range files {
		_, _ = s.add("import.proto", f.text) // what is broken in another subject is reported there
	}
	if len(top) == 0 {
		return shape{}, nil // it has enums or services only
	}
	chosen := top[0]
	for _, m := range top {
		if m.full == subject || strings.HasSuffix(subject, "-"+m.full) {
			chosen = m
		}
	}
	return shape{
		record: chosen.full, description: chosen.comments[chosen.path], fields: opened(s.fields(chosen)), within: chosen.full,
	}, nil
}

// add parses a file and returns its top messages.
func (s *protoSchema) add(name, text string) ([]protoMessage, error) {
	if len(text) > maxProto {
		return nil, fmt.Errorf("the file has more than %d KiB", maxProto>>10)
	}
	if line := tooNested(text); line > 0 {
		return nil, fmt.Errorf("line %d: more than %d brackets within each other", line, maxProtoNesting)
	}
	handler := reporter.NewHandler(reporter.NewReporter(nil, nil))
	tree, err := parser.Parse(name, strings.NewReader(text), handler)
	if err != nil {
		return nil, located(err)
	}
	result, err := parser.ResultFromAST(tree, false, handler)
	if err != nil {
		return nil, located(err)
	}
	file := result.FileDescriptorProto()
	comments := map[string]string{}
	for _, l := range sourceinfo.GenerateSourceInfo(tree, nil).GetLocation() {
		if c := strings.TrimSpace(strings.TrimSpace(l.GetLeadingComments()) + "\n" + strings.TrimSpace(l.GetTrailingComments())); c != "" {
			comments[pathText(l.GetPath())] = trimLines(c)
		}
	}
	var top []protoMessage
	for i, m := range file.GetMessageType() {
		top = append(top, s.message(protoMessage{m, protoName(file.GetPackage(), m.GetName()), file, comments, pathText([]int32{4, int32(i)})}))
	}
	for _, e := range file.GetEnumType() {
		s.enum(file.GetPackage(), e)
	}
	return top, nil
}

// message remembers a message and those within it. The first of a name stays.
func (s *protoSchema) message(m protoMessage) protoMessage {
	if _, again := s.messages[m.full]; !again {
		s.messages[m.full] = m
	}
	for i, inner := range m.GetNestedType() {
		s.message(protoMessage{inner, m.full + "." + inner.GetName(), m.file, m.comments, m.path + ",3," + strconv.Itoa(i)})
	}
	for _, e := range m.GetEnumType() {
		s.enum(m.full, e)
	}
	return m
}

func (s *protoSchema) enum(within string, e *descriptorpb.EnumDescriptorProto) {
	var symbols []string
	for _, v := range e.GetValue() {
		symbols = append(symbols, v.GetName())
	}
	if full := protoName(within, e.GetName()); s.enums[full] == nil {
		s.enums[full] = symbols
	}
}

func protoName(within, name string) string {
	if within == "" {
		return name
	}
	return within + "." + name
}

// resolve finds what a name means within a message: the innermost scope first.
func (s *protoSchema) resolve(name, scope string) (full string, found bool) {
	if absolute, ok := strings.CutPrefix(name, "."); ok {
		return absolute, s.has(absolute)
	}
	for {
		if full = protoName(scope, name); s.has(full) {
			return full, true
		}
		if scope == "" {
			return name, false
		}
		scope = scope[:max(0, strings.LastIndexByte(scope, '.'))]
	}
}

func (s *protoSchema) has(full string) bool {
	_, message := s.messages[full]
	_, enum := s.enums[full]
	return message || enum
}

func (s *protoSchema) fields(m protoMessage) func() []field {
	if len(m.GetField()) == 0 {
		return nil
	}
	return func() []field {
		out := make([]field, 0, len(m.GetField()))
		for i, f := range m.GetField() {
			made := s.field(m, f)
			made.comment = m.comments[m.path+",2,"+strconv.Itoa(i)]
			out = append(out, made)
		}
		return out
	}
}

func (s *protoSchema) field(m protoMessage, f *descriptorpb.FieldDescriptorProto) field {
	single := s.value(m, f)
	single.name, single.id = f.GetName(), strconv.Itoa(int(f.GetNumber()))
	if entry, ok := s.mapEntry(m, f); ok {
		key, value := s.value(entry, entry.GetField()[0]), s.value(entry, entry.GetField()[1])
		key.name, key.id, value.name, value.id = "key", "k", "value", "v"
		return field{
			name: single.name, id: single.id, typ: "map<" + key.typ + ", " + value.typ + ">",
			fields: func() []field { return []field{key, value} },
		}
	}
	if f.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REPEATED {
		element := single
		element.name, element.id, element.nullable = "element", "e", false
		return field{name: single.name, id: single.id, typ: "repeated " + single.typ, fields: func() []field { return []field{element} }}
	}
	single.nullable = nullable(m.file, f, single.typ)
	if f.OneofIndex != nil && !f.GetProto3Optional() && int(f.GetOneofIndex()) < len(m.GetOneofDecl()) {
		single.typ += " (one of " + m.GetOneofDecl()[f.GetOneofIndex()].GetName() + ")"
	}
	return single
}

// value describes one value of a field.
func (s *protoSchema) value(m protoMessage, f *descriptorpb.FieldDescriptorProto) field {
	if f.GetTypeName() == "" {
		return field{typ: strings.ToLower(strings.TrimPrefix(f.GetType().String(), "TYPE_"))}
	}
	full, found := s.resolve(f.GetTypeName(), m.full)
	target := s.messages[full]
	switch {
	case !found, strings.HasPrefix(full, "google.protobuf."): // a Timestamp is one value to everybody
		return field{typ: full}
	case target.DescriptorProto == nil:
		return field{typ: oneOf(s.enums[full])}
	}
	return field{typ: "message", within: full, fields: s.fields(target)}
}

// mapEntry returns the message that the language makes for a map.
func (s *protoSchema) mapEntry(m protoMessage, f *descriptorpb.FieldDescriptorProto) (protoMessage, bool) {
	full, _ := s.resolve(f.GetTypeName(), m.full)
	entry, found := s.messages[full]
	if !found || f.GetTypeName() == "" || !entry.GetOptions().GetMapEntry() || len(entry.GetField()) != 2 {
		return entry, false
	}
	return entry, true
}

// nullable reports whether a reader can tell that a field was not set.
func nullable(file *descriptorpb.FileDescriptorProto, f *descriptorpb.FieldDescriptorProto, typ string) bool {
	switch {
	case f.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REQUIRED:
		return false
	case file.GetSyntax() == "proto3":
		return f.GetProto3Optional() || f.OneofIndex != nil || typ == "message" || strings.Contains(typ, ".")
	}
	return true
}

// located makes a parser's error say the line and not the name that we gave the file.
func located(err error) error {
	if at, ok := errors.AsType[reporter.ErrorWithPos](err); ok {
		return fmt.Errorf("line %d: %w", at.GetPosition().Line, at.Unwrap())
	}
	return err
}

// tooNested returns the line where brackets lie too deep within each other, 0 if they do not: the parser is not asked to find
// out.
func tooNested(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[', '(', '<':
			if depth++; depth > maxProtoNesting {
				return 1 + strings.Count(text[:i], "\n")
			}
		case '}', ']', ')', '>':
			depth = max(0, depth-1)
		case '"', '\'', '/':
			i += skipped(text[i:]) - 1
		}
	}
	return 0
}

// skipped returns how many bytes a text or a comment at the beginning of s has, at least 1.
func skipped(s string) int {
	end, from := "\n", 2
	switch {
	case strings.HasPrefix(s, "//"):
	case strings.HasPrefix(s, "/*"):
		end = "*/"
	case s[0] == '/':
		return 1
	default:
		for i := 1; i < len(s) && s[i] != '\n'; i++ {
			switch s[i] {
			case '\\':
				i++
			case s[0]:
				return i + 1
			}
		}
		return 1
	}
	if at := strings.Index(s[from:], end); at >= 0 {
		return from + at + len(end)
	}
	return len(s)
}

func pathText(path []int32) string {
	parts := make([]string, len(path))
	for i, n := range path {
		parts[i] = strconv.Itoa(int(n))
	}
	return strings.Join(parts, ",")
}

// trimLines takes the space off each line that stood between a comment's mark and its text.
func trimLines(text string) string {
	list := strings.Split(text, "\n")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return strings.Join(slices.DeleteFunc(list, func(l string) bool { return l == "" }), "\n")
}
