package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"
)

// codec are the methods that the generated code gives every message.
type codec interface {
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
}

type sample struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	JSON       any    `json:"json"`
	Protobuf   []byte `json:"protobuf"`
}

// printSamples writes, a line each, `count` random objects of every kind in both encodings of Go's.
func printSamples(types map[string]reflect.Type, count int, seed int64) error {
	keys := make([]string, 0, len(types))
	for key := range types {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	encoder := json.NewEncoder(os.Stdout)
	filler := newFiller(seed)
	for _, key := range keys {
		slash := strings.LastIndex(key, "/")
		one := sample{APIVersion: key[:slash], Kind: key[slash+1:]}
		if one.APIVersion == "" {
			one.APIVersion = "v1"
		}
		for i := 0; i < count; i++ {
			object := reflect.New(types[key]).Interface()
			filler.Fill(object)
			// What protobuf cannot tell apart (nil and empty) is not told apart in the JSON either.
			decoded := reflect.New(types[key]).Interface().(codec)
			data, err := object.(codec).Marshal()
			if err == nil {
				err = decoded.Unmarshal(data)
			}
			if err == nil {
				data, err = decoded.Marshal()
			}
			if err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			one.JSON, one.Protobuf = decoded, data
			if err := encoder.Encode(one); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return nil
}

// newFiller makes what the types' own encoders can write: times within JSON's years, raw JSON that is JSON.
func newFiller(seed int64) *randfill.Filler {
	raw := func(r *rand.Rand) []byte {
		texts := []string{`{"a":[1,"x",null,true]}`, `"text"`, `7`, `{}`, `[]`, `{"f:metadata":{".":{}}}`}
		return []byte(texts[r.Intn(len(texts))])
	}
	moment := func(r *rand.Rand) int64 { return r.Int63n(253402300800) }
	return randfill.NewWithSeed(seed).NilChance(0.4).NumElements(1, 3).MaxDepth(9).Funcs(
		func(t *metav1.Time, c randfill.Continue) { t.Time = time.Unix(moment(c.Rand), 0) },
		func(t *metav1.MicroTime, c randfill.Continue) {
			t.Time = time.Unix(moment(c.Rand), c.Int63n(1e6)*1000)
		},
		func(q *resource.Quantity, c randfill.Continue) {
			*q = *resource.NewMilliQuantity(c.Int63n(1e7), resource.DecimalSI)
		},
		func(v *intstr.IntOrString, c randfill.Continue) {
			if c.Bool() {
				*v = intstr.FromInt32(c.Int31() - 1<<30)
			} else {
				*v = intstr.FromString(c.String(0))
			}
		},
		func(v *runtime.RawExtension, c randfill.Continue) { v.Raw = raw(c.Rand) },
		func(v *metav1.FieldsV1, c randfill.Continue) { v.SetRawBytes(raw(c.Rand)) },
		func(v *apiextensions.JSON, c randfill.Continue) { v.Raw = raw(c.Rand) },
		func(v *apiextensions.JSONSchemaPropsOrBool, c randfill.Continue) {
			if v.Allows = c.Bool(); v.Allows {
				v.Schema = &apiextensions.JSONSchemaProps{Type: c.String(0)}
			}
		},
		func(v *apiextensions.JSONSchemaPropsOrArray, c randfill.Continue) {
			if one := (apiextensions.JSONSchemaProps{Type: c.String(0)}); c.Bool() {
				v.Schema = &one
			} else {
				v.JSONSchemas = []apiextensions.JSONSchemaProps{one, {Format: c.String(0)}}
			}
		},
		func(v *apiextensions.JSONSchemaPropsOrStringArray, c randfill.Continue) {
			if c.Bool() {
				v.Schema = &apiextensions.JSONSchemaProps{Type: c.String(0)}
			} else {
				v.Property = []string{c.String(0), c.String(0)}
			}
		},
		// Travels in the envelope, once.
		func(v *metav1.TypeMeta, c randfill.Continue) {},
	)
}
