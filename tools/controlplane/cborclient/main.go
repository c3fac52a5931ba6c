// cborclient carries on one conversation with an API server by client-go's dynamic client, and prints what it
// was told and in which forms. KUBE_FEATURE_ClientsAllowCBOR and KUBE_FEATURE_ClientsPreferCBOR make it CBOR.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

type forms struct{ next http.RoundTripper }

func (f forms) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := f.next.RoundTrip(request)
	if err == nil {
		fmt.Printf("%s %q -> %d %q\n", request.Method, request.Header.Get("Content-Type"), response.StatusCode,
			response.Header.Get("Content-Type"))
	}
	return response, err
}

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func show(what string, object *unstructured.Unstructured) {
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "managedFields"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
	raw, err := json.Marshal(object)
	check(err)
	fmt.Println(what, string(raw))
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	check(err)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return forms{next} })
	client, err := dynamic.NewForConfig(config)
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	secrets := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace("default")
	made := func(name string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name},
			"data": map[string]any{"a": "AAEC/w==", "b": ""},
		}}
	}
	created, err := secrets.Create(ctx, made("cbor"), metav1.CreateOptions{})
	check(err)
	version := created.GetResourceVersion()
	show("created", created)
	got, err := secrets.Get(ctx, "cbor", metav1.GetOptions{})
	check(err)
	show("got", got)
	applied, err := secrets.Apply(ctx, "cbor", made("cbor"), metav1.ApplyOptions{FieldManager: "f", Force: true})
	check(err)
	show("applied", applied)
	patched, err := secrets.Patch(ctx, "cbor", types.MergePatchType, []byte(`{"metadata":{"labels":{"x":"y"}}}`),
		metav1.PatchOptions{})
	check(err)
	show("patched", patched)
	list, err := secrets.List(ctx, metav1.ListOptions{LabelSelector: "x=y"})
	check(err)
	for i := range list.Items {
		show("listed", &list.Items[i])
	}
	_, err = secrets.Create(ctx, made("cbor"), metav1.CreateOptions{})
	fmt.Println("again:", err)
	check(secrets.Delete(ctx, "cbor", metav1.DeleteOptions{}))
	watch, err := secrets.Watch(ctx, metav1.ListOptions{
		ResourceVersion: version, FieldSelector: "metadata.name=cbor",
	})
	check(err)
	for event := range watch.ResultChan() {
		show(string(event.Type), event.Object.(*unstructured.Unstructured))
		if event.Type == "DELETED" {
			break
		}
	}
	watch.Stop()
}
