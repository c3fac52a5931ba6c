package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	schemacel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/version"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
)

type expressionAnswer struct {
	Issues string `json:"issues,omitempty"`
	Type   string `json:"type,omitempty"`
	Plan   string `json:"plan,omitempty"`
	Min    uint64 `json:"min"`
	Max    uint64 `json:"max"`
	Value  any    `json:"value,omitempty"`
	Error  string `json:"error,omitempty"`
	Spent  uint64 `json:"spent"`
}

// sizes estimates sizes from the types of the variables, as the server does from the type of self.
type sizes struct {
	roots map[string]*apiservercel.DeclType
}

func (s *sizes) EstimateSize(element checker.AstNode) *checker.SizeEstimate {
	path := element.Path()
	if len(path) == 0 {
		return nil
	}
	current, known := s.roots[path[0]]
	if !known {
		// apiextensions starts every path at self.
		if current, known = s.roots["self"]; !known {
			return nil
		}
	}
	for _, name := range path[1:] {
		switch name {
		case "@items", "@values":
			current = current.ElemType
		case "@keys":
			current = current.KeyType
		default:
			field, ok := current.Fields[name]
			if !ok {
				return nil
			}
			current = field.Type
		}
		if current == nil {
			return nil
		}
	}
	return &checker.SizeEstimate{Min: 0, Max: uint64(current.MaxElements)}
}

func (s *sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

func answerExpression(asked question) any {
	options := environment.VersionedOptions{IntroducedVersion: version.MajorMinor(1, 0)}
	roots := map[string]*apiservercel.DeclType{}
	bound := map[string]any{}
	for name, raw := range asked.Types {
		external, internal := v1.JSONSchemaProps{}, apiextensions.JSONSchemaProps{}
		if err := json.Unmarshal(raw, &external); err != nil {
			return map[string]string{"malformed": err.Error()}
		}
		if err := v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&external, &internal, nil); err != nil {
			return map[string]string{"malformed": err.Error()}
		}
		structural, err := schema.NewStructural(&internal)
		if err != nil {
			return map[string]string{"malformed": err.Error()}
		}
		declared := model.SchemaDeclType(structural, false).MaybeAssignTypeName("type." + name)
		roots[name] = declared
		options.EnvOptions = append(options.EnvOptions, cel.Variable(name, declared.CelType()))
		options.DeclTypes = append(options.DeclTypes, declared)
		if value, given := asked.Variables[name]; given {
			var decoded any
			if err := kjson.Unmarshal(value, &decoded); err != nil {
				return map[string]string{"malformed": err.Error()}
			}
			bound[name] = schemacel.UnstructuredToVal(decoded, structural)
		}
	}
	set, err := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).Extend(options)
	if err != nil {
		return map[string]string{"malformed": err.Error()}
	}
	env := set.NewExpressionsEnv()
	compiled, issues := env.Compile(asked.Expression)
	if issues != nil {
		return expressionAnswer{Issues: issues.String()}
	}
	given := expressionAnswer{Type: checker.FormatCELType(compiled.OutputType())}
	estimator := &library.CostEstimator{SizeEstimator: &sizes{roots}}
	estimate, err := env.EstimateCost(compiled, estimator)
	if err != nil {
		given.Plan = err.Error()
		return given
	}
	given.Min, given.Max = estimate.Min, estimate.Max
	program, err := env.Program(compiled, cel.CostLimit(celconfig.PerCallLimit), cel.CostTracking(estimator))
	if err != nil {
		given.Plan = err.Error()
		return given
	}
	value, details, err := program.Eval(bound)
	if details != nil && details.ActualCost() != nil {
		given.Spent = *details.ActualCost()
	}
	if err != nil {
		given.Error = err.Error()
		return given
	}
	given.Value = plain(value)
	return given
}

// plain is a value as JSON: [type, text] or [type, parts].
func plain(value ref.Val) any {
	switch typed := value.(type) {
	case types.Bool, types.Int, types.Uint:
		return []any{value.Type().TypeName(), fmt.Sprint(value.Value())}
	case types.Double:
		number := float64(typed)
		if math.IsNaN(number) {
			return []any{"double", "nan"}
		}
		return []any{"double", strconv.FormatFloat(number, 'g', -1, 64)}
	case types.String:
		return []any{"string", string(typed)}
	case types.Bytes:
		return []any{"bytes", hex.EncodeToString(typed)}
	case types.Null:
		return []any{"null", ""}
	case types.Duration:
		return []any{"duration", strconv.FormatInt(typed.Nanoseconds(), 10)}
	case types.Timestamp:
		return []any{"timestamp", fmt.Sprintf("%d.%09d", typed.Unix(), typed.Nanosecond())}
	case *types.Optional:
		if typed.HasValue() {
			return []any{"optional", plain(typed.GetValue())}
		}
		return []any{"optional"}
	case traits.Mapper:
		entries := [][]any{}
		for keys := typed.Iterator(); keys.HasNext() == types.True; {
			key := keys.Next()
			entries = append(entries, []any{plain(key), plain(typed.Get(key))})
		}
		sort.Slice(entries, func(i, j int) bool { return fmt.Sprint(entries[i][0]) < fmt.Sprint(entries[j][0]) })
		return []any{"map", entries}
	case traits.Lister:
		items := []any{}
		for elements := typed.Iterator(); elements.HasNext() == types.True; {
			items = append(items, plain(elements.Next()))
		}
		return []any{"list", items}
	case *types.Type:
		return []any{"type", typed.TypeName()}
	case apiservercel.Quantity:
		return []any{"quantity", typed.String()}
	case *apiservercel.Quantity:
		return []any{"quantity", typed.String()}
	}
	return []any{value.Type().TypeName(), fmt.Sprint(value.Value())}
}
