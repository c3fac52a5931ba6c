// Command celoracle answers what Kubernetes says of CEL expressions: one JSON question a line on standard
// input, one JSON answer a line on standard output, in the same order.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

type question struct {
	// Schema is an openAPIV3Schema, whose rules are asked about.
	Schema json.RawMessage `json:"schema,omitempty"`
	// Object and OldObject are validated against the rules of Schema.
	Object    json.RawMessage `json:"object,omitempty"`
	OldObject json.RawMessage `json:"oldObject,omitempty"`
	// Expression is evaluated by itself, over Variables, which have the types of Types (schemas).
	Expression string                     `json:"expression,omitempty"`
	Types      map[string]json.RawMessage `json:"types,omitempty"`
	Variables  map[string]json.RawMessage `json:"variables,omitempty"`
	// Pattern is compiled by Go's regexp; Text is searched for it.
	Pattern *string `json:"pattern,omitempty"`
	Text    string  `json:"text,omitempty"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	decoder := json.NewDecoder(in)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for decoder.More() {
		var asked question
		if err := decoder.Decode(&asked); err != nil {
			fmt.Fprintln(os.Stderr, "celoracle: malformed question:", err)
			os.Exit(1)
		}
		if err := encoder.Encode(answer(asked)); err != nil {
			fmt.Fprintln(os.Stderr, "celoracle:", err)
			os.Exit(1)
		}
		if err := out.Flush(); err != nil {
			os.Exit(1)
		}
	}
}

func answer(asked question) (given any) {
	defer func() {
		if panicked := recover(); panicked != nil {
			given = map[string]any{"panic": fmt.Sprint(panicked)}
		}
	}()
	switch {
	case asked.Pattern != nil:
		return answerPattern(*asked.Pattern, asked.Text)
	case asked.Expression != "":
		return answerExpression(asked)
	default:
		return answerSchema(asked)
	}
}
