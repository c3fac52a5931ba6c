// Load fills a cluster with pods and changes them, by way of its etcd.
//
// A kube-apiserver that admits and validates each write would be what is measured, on a machine of two cores.
// What is stored this way is what the server itself stores: pods as protobuf, under the server's keys.
// The server sees the changes as it sees every change: as events of its watch of etcd.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"

	clientv3 "go.etcd.io/etcd/client/v3"
)

const writers = 4

var (
	etcd     = flag.String("etcd", "", "address of etcd")
	objects  = flag.Int("objects", 1000, "pods")
	apps     = flag.Int("apps", 100, "applications that the pods belong to: how many templates there are")
	change   = flag.Bool("change", false, "change the pods, as the standard input says, and do not create them")
	rate     = flag.Float64("rate", 0, "changes a second, 0 for no limit")
	prefix   = flag.String("prefix", "/registry/pods/", "prefix of the server's keys of pods")
	encoding = protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
)

func main() {
	flag.Parse()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{*etcd}, DialTimeout: 10 * time.Second})
	check(err)
	defer client.Close()
	if *change {
		churn(client)
	} else {
		seed(client)
	}
}

// created is the same in every run: pods that differ between runs would compress, split and hash differently.
var created = time.Date(2026, 1, 5, 9, 30, 0, 0, time.UTC)

func seed(client *clientv3.Client) {
	var last atomic.Int64
	started := time.Now()
	parallel(func(worker int) {
		for n := worker; n < *objects; n += writers {
			revision := put(client, podAt(n, *apps, created))
			raise(&last, revision)
		}
	})
	whole, err := json.Marshal(podAt(0, *apps, created))
	check(err)
	managed, err := json.Marshal(podAt(0, *apps, created).ManagedFields)
	check(err)
	report(map[string]any{
		"event": "seeded", "objects": *objects, "version": last.Load(), "seconds": time.Since(started).Seconds(),
		"json_bytes": len(whole), "managed_fields_bytes": len(managed),
	})
}

// churn makes as many status changes as each line of the standard input says, over all pods in turn.
func churn(client *clientv3.Client) {
	pods := make([]*corev1.Pod, *objects)
	for n := range pods {
		pods[n] = podAt(n, *apps, created)
	}
	report(map[string]any{"event": "ready"})
	made := 0
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		count, err := strconv.Atoi(lines.Text())
		check(err)
		var last atomic.Int64
		started := time.Now()
		parallel(func(worker int) {
			for n := range count {
				// A pod belongs to one writer.
				index := (made + n) % len(pods)
				if index%writers != worker {
					continue
				}
				if *rate > 0 {
					time.Sleep(time.Until(started.Add(time.Duration(float64(n) / *rate * float64(time.Second)))))
				}
				changeStatus(pods[index], created.Add(time.Duration(made+n)*time.Second))
				raise(&last, put(client, pods[index]))
			}
		})
		made += count
		report(map[string]any{"event": "made", "version": last.Load(), "seconds": time.Since(started).Seconds()})
	}
}

func put(client *clientv3.Client, pod *corev1.Pod) int64 {
	var value bytes.Buffer
	check(encoding.Encode(pod, &value))
	answer, err := client.Put(context.Background(), *prefix+pod.Namespace+"/"+pod.Name, value.String())
	check(err)
	return answer.Header.Revision
}

func parallel(work func(worker int)) {
	var group sync.WaitGroup
	for worker := range writers {
		group.Go(func() { work(worker) })
	}
	group.Wait()
}

func raise(highest *atomic.Int64, value int64) {
	for {
		present := highest.Load()
		if value <= present || highest.CompareAndSwap(present, value) {
			return
		}
	}
}

func report(line map[string]any) {
	check(json.NewEncoder(os.Stdout).Encode(line))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
