// gotypes prints how the Go types of the built-in kinds look to Go's JSON encoder, as JSON.
//
// An OpenAPI document does not say which fields are pointers, which are left out when they are zero and
// what a field's Go type is called; yet a client sees all three: in what an answer contains, and in the
// text of decoding errors. tools/generate_server_schemas.py joins this with the OpenAPI of a real server.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"

	admissionregistration "k8s.io/api/admissionregistration/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

type field struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	OmitEmpty bool   `json:"omitEmpty,omitempty"`
	OmitZero  bool   `json:"omitZero,omitempty"`
	Embedded  string `json:"embedded,omitempty"`
}

type structure struct {
	Go     string  `json:"go"`
	Fields []field `json:"fields"`
}

var found = map[string]structure{}

func nameOf(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

// expression writes a type: *T, []T, map[]T, a scalar's name, or @ and the struct's name.
func expression(t reflect.Type) string {
	if t.PkgPath() != "" && (t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler)) {
		return "!" + t.Name()
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + expression(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
		return "[]" + expression(t.Elem())
	case reflect.Map:
		return "map[]" + expression(t.Elem())
	case reflect.Struct:
		visit(t)
		return "@" + nameOf(t)
	case reflect.Interface:
		return "any"
	}
	if t.PkgPath() != "" {
		return t.Kind().String() + ":" + t.Name()
	}
	return t.Kind().String()
}

var marshaler = reflect.TypeOf((*json.Marshaler)(nil)).Elem()

func visit(t reflect.Type) {
	name := nameOf(t)
	if _, ok := found[name]; ok {
		return
	}
	found[name] = structure{}
	found[name] = structure{Go: t.String(), Fields: fieldsOf(t, "")}
}

func fieldsOf(t reflect.Type, embedded string) []field {
	fields := []field{}
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		parts := strings.Split(tag, ",")
		if tag == "-" || !f.IsExported() {
			continue
		}
		if f.Anonymous && parts[0] == "" {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			path := embedded + f.Name + "."
			fields = append(fields, fieldsOf(inner, path)...)
			continue
		}
		name := parts[0]
		if !tagged || name == "" {
			name = f.Name
		}
		one := field{Name: name, Type: expression(f.Type), Embedded: embedded}
		for _, option := range parts[1:] {
			one.OmitEmpty = one.OmitEmpty || option == "omitempty"
			one.OmitZero = one.OmitZero || option == "omitzero"
		}
		fields = append(fields, one)
	}
	return fields
}

func main() {
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		scheme.AddToScheme, apiextensions.AddToScheme, apiregistration.AddToScheme, admissionregistration.AddToScheme,
	} {
		if err := add(known); err != nil {
			panic(err)
		}
	}
	kinds := map[string]string{}
	for gvk, t := range known.AllKnownTypes() {
		visit(t)
		kinds[gvk.GroupVersion().String()+"/"+gvk.Kind] = nameOf(t)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(map[string]any{"kinds": kinds, "structs": found}); err != nil {
		panic(err)
	}
}
