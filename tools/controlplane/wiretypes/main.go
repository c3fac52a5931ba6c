// wiretypes prints how the Go types of the built-in kinds look on the wire as protobuf, as JSON.
//
// The field numbers stand in the struct tags, and the wire types follow from the Go types. Beside them is
// what the JSON form of the same struct needs: names, pointers, omitempty, fields that are written inline.
// tools/generate_protobuf_tables.py packs the output for the embedded server.
//
//	{"kinds": {"apps/v1/Deployment": 3, "/Status": 7, …},
//	 "messages": [{"name": "k8s.io/api/apps/v1.Deployment", "fields": [[number, name, type, flags], …]}, …]}
//
// A kind of the meta package belongs to no group version of its own; its key begins with the slash. A type is
// a scalar, `@` and the index of a message, or one of the names in `special`; after `[]` for a list and
// `map[]` for a map. Flags: 1 pointer, 2 omitempty, 4 omitzero, 8 inline.
//
// With -samples it prints objects for the test of the embedded server's codec instead: see samples.go.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"

	apidiscovery "k8s.io/api/apidiscovery/v2"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

const (
	pointer = 1 << iota
	omitEmpty
	omitZero
	inline
)

// special are the types whose JSON form is not that of their fields.
var special = map[string]string{
	"k8s.io/apimachinery/pkg/apis/meta/v1.Time":                                             "time",
	"k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime":                                        "microtime",
	"k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1":                                         "raw",
	"k8s.io/apimachinery/pkg/runtime.RawExtension":                                          "raw",
	"k8s.io/apimachinery/pkg/api/resource.Quantity":                                         "quantity",
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString":                                       "intorstring",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON":                         "raw",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrBool":        "schemaorbool",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrArray":       "schemaorarray",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrStringArray": "schemaorstrings",
}

type message struct {
	Name   string  `json:"name"`
	Fields [][]any `json:"fields"`
}

var (
	messages    []*message
	indexes     = map[reflect.Type]int{}
	marshaler   = reflect.TypeOf((*json.Marshaler)(nil)).Elem()
	unmarshaler = reflect.TypeOf((*interface{ Unmarshal([]byte) error })(nil)).Elem()
)

func nameOf(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

func visit(t reflect.Type) int {
	if index, found := indexes[t]; found {
		return index
	}
	one := &message{Name: nameOf(t), Fields: [][]any{}}
	indexes[t] = len(messages)
	messages = append(messages, one)
	for i := 0; i < t.NumField(); i++ {
		if field := fieldOf(t, t.Field(i)); field != nil {
			one.Fields = append(one.Fields, field)
		}
	}
	return indexes[t]
}

func fieldOf(t reflect.Type, f reflect.StructField) []any {
	tag := strings.Split(f.Tag.Get("protobuf"), ",")
	if len(tag) < 2 {
		// TypeMeta travels in the envelope.
		return nil
	}
	number, err := strconv.Atoi(tag[1])
	if err != nil {
		panic(fmt.Sprintf("%s.%s: %v", nameOf(t), f.Name, err))
	}
	for _, option := range tag[2:] {
		if option == "packed" {
			panic(fmt.Sprintf("%s.%s is packed", nameOf(t), f.Name))
		}
	}
	parts := strings.Split(f.Tag.Get("json"), ",")
	flags, of := 0, f.Type
	if of.Kind() == reflect.Pointer {
		flags, of = pointer, of.Elem()
	}
	for _, option := range parts[1:] {
		switch option {
		case "omitempty":
			flags |= omitEmpty
		case "omitzero":
			flags |= omitZero
		}
	}
	if f.Anonymous && parts[0] == "" {
		flags |= inline
	}
	return []any{number, parts[0], expression(of), flags}
}

func expression(t reflect.Type) string {
	if name, found := special[nameOf(t)]; found {
		if strings.HasPrefix(name, "schema") {
			visit(reflect.TypeOf(apiextensions.JSONSchemaProps{}))
		}
		return name
	}
	if t.PkgPath() != "" && (t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler)) {
		panic("no rule for the JSON form of " + nameOf(t))
	}
	switch t.Kind() {
	case reflect.Struct:
		return "@" + strconv.Itoa(visit(t))
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			panic("a map with keys of another type than string: " + t.String())
		}
		return "map[]" + expression(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		// A list that has a name can be a message around its items.
		if t.Name() != "" && reflect.PointerTo(t).Implements(unmarshaler) {
			return "strings"
		}
		element := t.Elem()
		if element.Kind() == reflect.Pointer {
			element = element.Elem()
		}
		return "[]" + expression(element)
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float64:
		return t.Kind().String()
	}
	panic("no wire type for " + t.String())
}

func main() {
	samples := flag.Int("samples", 0, "print so many random objects of every kind instead, as JSON and protobuf")
	seed := flag.Int64("seed", 1, "of the random objects")
	flag.Parse()
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		scheme.AddToScheme, apiextensions.AddToScheme, apiregistration.AddToScheme, apidiscovery.AddToScheme,
		metav1.AddMetaToScheme,
	} {
		if err := add(known); err != nil {
			panic(err)
		}
	}
	types := map[string]reflect.Type{}
	for gvk, t := range known.AllKnownTypes() {
		key := gvk.GroupVersion().String() + "/" + gvk.Kind
		if strings.HasSuffix(t.PkgPath(), "/meta/v1") {
			key = "/" + gvk.Kind
		}
		_, wire := reflect.PointerTo(t).MethodByName("Unmarshal")
		if wire && gvk.Version != runtime.APIVersionInternal {
			types[key] = t
		}
	}
	if *samples > 0 {
		if err := printSamples(types, *samples, *seed); err != nil {
			panic(err)
		}
		return
	}
	keys := make([]string, 0, len(types))
	for key := range types {
		keys = append(keys, key)
	}
	// Indexes follow from the order of the visits: the output is the same every time.
	sort.Strings(keys)
	kinds := map[string]int{}
	for _, key := range keys {
		kinds[key] = visit(types[key])
	}
	encoder := json.NewEncoder(os.Stdout)
	if err := encoder.Encode(map[string]any{"kinds": kinds, "messages": messages}); err != nil {
		panic(err)
	}
}
