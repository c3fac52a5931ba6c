// Command convert is kubectl-convert, which upstream's suite of kubectl commands expects beside kubectl.
package main

import (
	"os"

	"github.com/spf13/pflag"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/component-base/cli"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubernetes/pkg/kubectl/cmd/convert"
)

func main() {
	flags := pflag.NewFlagSet("kubectl-convert", pflag.ExitOnError)
	pflag.CommandLine = flags
	config := genericclioptions.NewConfigFlags(true).WithDeprecatedPasswordFlag()
	config.AddFlags(flags)
	matching := cmdutil.NewMatchVersionFlags(config)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	command := convert.NewCmdConvert(cmdutil.NewFactory(matching), streams)
	matching.AddFlags(command.PersistentFlags())
	os.Exit(cli.Run(command))
}
