// Command node is everything of Kubernetes that runs on a kind node, in one executable: the control plane,
// kubelet, kubeadm, kube-proxy, kubectl, etcd, CoreDNS and the agent that routes pods between nodes. The
// component is named by the name it is called under (a link to it) or by its first argument.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// components maps the name of a component to its entry point, which returns the exit status.
var components = map[string]func() int{
	"coredns":                 runCoreDNS,
	"etcd":                    runEtcd,
	"kube-apiserver":          runAPIServer,
	"kube-controller-manager": runControllerManager,
	"kube-proxy":              runProxy,
	"kube-scheduler":          runScheduler,
	"kubeadm":                 runKubeadm,
	"kubectl":                 runKubectl,
	"kubelet":                 runKubelet,
	"pod-routes":              runPodRoutes,
}

func main() {
	arguments := os.Args
	name := filepath.Base(arguments[0])
	run, found := components[name]
	if !found && len(arguments) > 1 {
		arguments = arguments[1:]
		name = arguments[0]
		run, found = components[name]
	}
	if !found {
		names := make([]string, 0, len(components))
		for name := range components {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "node: first argument must be one of: %s\n", strings.Join(names, ", "))
		os.Exit(2)
	}
	os.Args = arguments
	os.Exit(run())
}

func status(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}
