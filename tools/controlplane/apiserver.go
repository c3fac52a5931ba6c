package main

import (
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics in /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // build information in /metrics
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func runAPIServer([]string) int {
	return cli.Run(app.NewAPIServerCommand())
}
