// Informer is client-go's side of the benchmarks: one shared informer of all pods, driven line by line.
//
// It speaks the protocol of benchmarks/workers/protocol.py: commands on the standard input, one JSON object a line on
// the standard output, each with what the process has used so far.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	kind := flag.String("client", "typed", "typed, metadata or dynamic")
	flag.Parse()

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	check(err)
	config.QPS = -1
	informer, err := newInformer(config, *kind)
	check(err)

	w := &worker{informer: informer}
	check(informer.AddIndexers(indexers(*kind)))
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    w.seen,
		UpdateFunc: func(_, obj any) { w.seen(obj) },
		DeleteFunc: func(any) { w.events.Add(1) },
	})
	check(err)
	w.registration = registration

	w.report("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		command, argument, _ := strings.Cut(lines.Text(), " ")
		w.do(command, argument)
	}
}

func newInformer(config *rest.Config, kind string) (cache.SharedIndexInformer, error) {
	pods := corev1.SchemeGroupVersion.WithResource("pods")
	switch kind {
	case "typed":
		client, err := kubernetes.NewForConfig(config)
		if err != nil {
			return nil, err
		}
		return informers.NewSharedInformerFactory(client, 0).Core().V1().Pods().Informer(), nil
	case "metadata":
		client, err := metadata.NewForConfig(config)
		if err != nil {
			return nil, err
		}
		return metadatainformer.NewSharedInformerFactory(client, 0).ForResource(pods).Informer(), nil
	case "dynamic":
		client, err := dynamic.NewForConfig(config)
		if err != nil {
			return nil, err
		}
		return dynamicinformer.NewDynamicSharedInformerFactory(client, 0).ForResource(pods).Informer(), nil
	}
	return nil, fmt.Errorf("no such client: %q", kind)
}

// indexers are two for everyone: by label, and by node (by owner where there is only metadata).
func indexers(kind string) cache.Indexers {
	result := cache.Indexers{"app": func(obj any) ([]string, error) {
		return []string{obj.(metav1.Object).GetLabels()["app"]}, nil
	}}
	switch kind {
	case "typed":
		result["node"] = func(obj any) ([]string, error) {
			return []string{obj.(*corev1.Pod).Spec.NodeName}, nil
		}
	case "dynamic":
		result["node"] = func(obj any) ([]string, error) {
			node, _, err := unstructured.NestedString(obj.(*unstructured.Unstructured).Object, "spec", "nodeName")
			return []string{node}, err
		}
	default:
		result["owner"] = func(obj any) ([]string, error) {
			var owners []string
			for _, owner := range obj.(metav1.Object).GetOwnerReferences() {
				owners = append(owners, string(owner.UID))
			}
			return owners, nil
		}
	}
	return result
}

type worker struct {
	informer     cache.SharedIndexInformer
	registration cache.ResourceEventHandlerRegistration
	events       atomic.Int64
	version      atomic.Int64
	until        atomic.Int64 // the version to report the arrival of; 0 for none
	output       sync.Mutex
}

func (w *worker) do(command, argument string) {
	switch command {
	case "start":
		started := time.Now()
		go w.informer.Run(make(chan struct{}))
		for !w.registration.HasSynced() {
			time.Sleep(2 * time.Millisecond)
		}
		w.report("synced", "seconds", time.Since(started).Seconds(), "objects", len(w.informer.GetStore().ListKeys()))
	case "settle":
		debug.FreeOSMemory()
		w.report("settled")
	case "read":
		// The objects are decoded already: what is left of reading one is to look at it.
		length := 0
		for _, obj := range w.informer.GetStore().List() {
			if pod, ok := obj.(*corev1.Pod); ok {
				length += len(pod.Spec.Containers) + len(pod.Status.Conditions)
			}
		}
		w.report("read", "checked", length)
	case "until":
		version, err := strconv.ParseInt(argument, 10, 64)
		check(err)
		w.until.Store(version)
		w.arrived()
	case "mark":
		w.report("mark")
	case "quit":
		os.Exit(0)
	default:
		log.Fatalf("unknown command %q %q", command, argument)
	}
}

func (w *worker) seen(obj any) {
	w.events.Add(1)
	version, err := strconv.ParseInt(obj.(metav1.Object).GetResourceVersion(), 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	if version <= w.version.Load() {
		return
	}
	w.version.Store(version)
	w.arrived()
}

func (w *worker) arrived() {
	if until := w.until.Load(); until != 0 && w.version.Load() >= until && w.until.CompareAndSwap(until, 0) {
		w.report("reached")
	}
}

func (w *worker) report(event string, more ...any) {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	line := map[string]any{
		"event":   event,
		"events":  w.events.Load(),
		"version": w.version.Load(),
		"cpu":     seconds(usage.Utime) + seconds(usage.Stime),
	}
	line["rss"], line["peak"] = memory()
	for at := 0; at < len(more); at += 2 {
		line[more[at].(string)] = more[at+1]
	}
	text, err := json.Marshal(line)
	check(err)
	w.output.Lock()
	defer w.output.Unlock()
	_, err = os.Stdout.Write(append(text, '\n'))
	check(err)
}

func seconds(t syscall.Timeval) float64 {
	return float64(t.Sec) + float64(t.Usec)/1e6
}

// memory is the resident memory now and at its highest, in bytes.
func memory() (rss, peak int64) {
	text, err := os.ReadFile("/proc/self/status")
	check(err)
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		value, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			rss = value * 1024
		case "VmHWM:":
			peak = value * 1024
		}
	}
	return rss, peak
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
