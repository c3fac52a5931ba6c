package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	schemacel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/warning"
)

type fieldError struct {
	Type   string `json:"type"`
	Field  string `json:"field"`
	Detail string `json:"detail"`
	Body   string `json:"body"`
}

type ruleCost struct {
	Field       string `json:"field"`
	Cost        uint64 `json:"cost"`
	Cardinality uint64 `json:"cardinality"`
}

type schemaAnswer struct {
	// Refusals of the definition itself.
	Refusals []fieldError `json:"refusals"`
	Costs    []ruleCost   `json:"costs"`
	// What the rules say of the object.
	Violations []fieldError `json:"violations"`
	Warnings   []string     `json:"warnings"`
	Spent      int64        `json:"spent"`
}

func answerSchema(asked question) any {
	external := v1.JSONSchemaProps{}
	if err := json.Unmarshal(asked.Schema, &external); err != nil {
		return map[string]string{"malformed": err.Error()}
	}
	internal := apiextensions.JSONSchemaProps{}
	if err := v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&external, &internal, nil); err != nil {
		return map[string]string{"malformed": err.Error()}
	}
	given := schemaAnswer{
		Refusals: refusals(&internal), Costs: []ruleCost{}, Violations: []fieldError{}, Warnings: []string{},
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		return given
	}
	costs(&internal, "", validation.RootCELContext(&internal), &given.Costs)
	if len(asked.Object) == 0 {
		return given
	}
	var object, old any
	if err := kjson.Unmarshal(asked.Object, &object); err != nil {
		return map[string]string{"malformed": err.Error()}
	}
	if len(asked.OldObject) > 0 {
		if err := kjson.Unmarshal(asked.OldObject, &old); err != nil {
			return map[string]string{"malformed": err.Error()}
		}
	}
	recorder := &warnings{}
	ctx := warning.WithWarningRecorder(context.Background(), recorder)
	validator := schemacel.NewValidator(structural, true, celconfig.PerCallLimit)
	options := []schemacel.Option{}
	if old != nil {
		correlated := common.NewCorrelatedObject(object, old, &model.Structural{Structural: structural})
		options = append(options, schemacel.WithRatcheting(correlated))
	}
	found, left := validator.Validate(ctx, nil, structural, object, old, celconfig.RuntimeCELCostBudget, options...)
	given.Violations = append(given.Violations, shown(found)...)
	given.Warnings = append(given.Warnings, recorder.texts...)
	given.Spent = celconfig.RuntimeCELCostBudget - left
	return given
}

type warnings struct{ texts []string }

func (w *warnings) AddWarning(_, text string) { w.texts = append(w.texts, text) }

func refusals(internal *apiextensions.JSONSchemaProps) []fieldError {
	definition := &apiextensions.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "things.example.com", ResourceVersion: "1"},
		Spec: apiextensions.CustomResourceDefinitionSpec{
			Group: "example.com", Version: "v1", Scope: apiextensions.NamespaceScoped,
			Names: apiextensions.CustomResourceDefinitionNames{
				Plural: "things", Singular: "thing", Kind: "Thing", ListKind: "ThingList",
			},
			Versions:              []apiextensions.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true}},
			Validation:            &apiextensions.CustomResourceValidation{OpenAPIV3Schema: internal},
			PreserveUnknownFields: new(bool),
			Conversion:            &apiextensions.CustomResourceConversion{Strategy: apiextensions.NoneConverter},
		},
		Status: apiextensions.CustomResourceDefinitionStatus{StoredVersions: []string{"v1"}},
	}
	return shown(validation.ValidateCustomResourceDefinition(context.Background(), definition))
}

func shown(found field.ErrorList) []fieldError {
	result := []fieldError{}
	for _, each := range found {
		result = append(result, fieldError{string(each.Type), each.Field, each.Detail, each.ErrorBody()})
	}
	return result
}

// costs estimates each rule as validation of the definition does.
func costs(at *apiextensions.JSONSchemaProps, path string, place *validation.CELSchemaContext, found *[]ruleCost) {
	if at == nil {
		return
	}
	if len(at.XValidations) > 0 {
		if typed, err := place.TypeInfo(); err == nil && typed != nil && typed.DeclType != nil {
			compiled, err := schemacel.Compile(
				typed.Schema, typed.DeclType, celconfig.PerCallLimit,
				environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()), schemacel.NewExpressionsEnvLoader(),
			)
			if err == nil {
				for i, each := range compiled {
					cardinality := each.MaxCardinality
					if place.MaxCardinality != nil {
						cardinality = *place.MaxCardinality
					}
					if each.Error == nil && each.Program != nil {
						*found = append(*found, ruleCost{fmt.Sprintf("%sx-kubernetes-validations[%d].rule", path, i), each.MaxCost, cardinality})
					}
					if each.MessageExpression != nil {
						*found = append(*found, ruleCost{fmt.Sprintf("%sx-kubernetes-validations[%d].messageExpression", path, i), each.MessageExpressionMaxCost, 1})
					}
				}
			}
		}
	}
	names := []string{}
	for name := range at.Properties {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		inner := at.Properties[name]
		costs(&inner, fmt.Sprintf("%sproperties[%s].", path, name), place.ChildPropertyContext(&inner, name), found)
	}
	if at.AdditionalProperties != nil {
		inner := at.AdditionalProperties.Schema
		costs(inner, path+"additionalProperties.", place.ChildAdditionalPropertiesContext(inner), found)
	}
	if at.Items != nil {
		costs(at.Items.Schema, path+"items.", place.ChildItemsContext(at.Items.Schema), found)
	}
}
