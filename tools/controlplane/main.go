// Command controlplane is etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl in one
// executable. The component is named by the name it is called under (a link to it) or by its first argument:
//
//	kube-apiserver --version
//	controlplane kube-apiserver --version
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	_ "time/tzdata" // time zones of CronJobs, also where the host has no zone files
)

// components maps the name of a component to its entry point. An entry point takes the whole command line,
// the component's name first, and returns the exit status.
var components = map[string]func(arguments []string) int{
	"etcd":                    runEtcd,
	"kube-apiserver":          runAPIServer,
	"kube-controller-manager": runControllerManager,
	"kube-scheduler":          runScheduler,
	"kubectl":                 runKubectl,
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
		fmt.Fprintf(os.Stderr, "controlplane: first argument must be one of: %s\n", strings.Join(names, ", "))
		os.Exit(2)
	}
	// The components' own command lines read os.Args, and kubectl looks at it for plugins.
	os.Args = arguments
	os.Exit(run(arguments))
}
