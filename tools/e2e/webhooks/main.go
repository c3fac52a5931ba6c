// Command webhooks is what upstream's end-to-end suite runs in its containers of webhooks: the admission webhook
// and the conversion webhook of its agnhost image, with that image's arguments.
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/test/images/agnhost/crd-conversion-webhook/converter"
	"k8s.io/kubernetes/test/images/agnhost/webhook"
)

// The image's own command wants to be in a cluster, though it asks nothing of it.
func conversion() *cobra.Command {
	var certificate, key string
	var port int
	command := &cobra.Command{
		Use: "crd-conversion-webhook",
		RunE: func(*cobra.Command, []string) error {
			http.HandleFunc("/crdconvert", converter.ServeExampleConvert)
			http.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
			return http.ListenAndServeTLS(fmt.Sprintf(":%d", port), certificate, key, nil)
		},
	}
	command.Flags().StringVar(&certificate, "tls-cert-file", "", "certificate")
	command.Flags().StringVar(&key, "tls-private-key-file", "", "its key")
	command.Flags().IntVar(&port, "port", 443, "where it listens")
	return command
}

func main() {
	root := &cobra.Command{Use: "webhooks"}
	root.AddCommand(webhook.CmdWebhook, conversion())
	os.Exit(cli.Run(root))
}
