package main

import (
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // credential plugins of kubeconfig files
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

func runKubectl([]string) int {
	// The command line is parsed only after the commands are built; what building them logs (plugins, .kuberc)
	// needs its verbosity before. A value that is not a number is reported by the parser.
	_, _ = logs.GlogSetter(cmd.GetLogVerbosity(os.Args))
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		// Prints the error as kubectl does, and ends the process with its exit status.
		util.CheckErr(err)
	}
	return 0
}
