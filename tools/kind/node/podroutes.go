package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const configuration = "/etc/cni/net.d/10-pods.conflist"

// runPodRoutes is the network of a kind cluster's pods: on every node, the CNI configuration for the node's
// own range of addresses, a route to the range of each other node, and one rule that hides pods behind their
// node when they talk to the world. Nodes come and go, so it looks again every few seconds.
func runPodRoutes() int {
	config, err := rest.InClusterConfig()
	if err != nil {
		return status(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return status(err)
	}
	for {
		if err := routeToAll(client, os.Getenv("NODE_NAME"), os.Getenv("POD_SUBNET")); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		time.Sleep(3 * time.Second)
	}
}

func routeToAll(client kubernetes.Interface, own, subnet string) error {
	nodes, err := client.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, node := range nodes.Items {
		if node.Spec.PodCIDR == "" {
			continue
		}
		if node.Name == own {
			if err := configure(node.Spec.PodCIDR); err != nil {
				return err
			}
			continue
		}
		for _, address := range node.Status.Addresses {
			if address.Type == corev1.NodeInternalIP && net.ParseIP(address.Address) != nil {
				if err := run("ip", "route", "replace", node.Spec.PodCIDR, "via", address.Address); err != nil {
					return err
				}
			}
		}
	}
	rule := []string{"POSTROUTING", "-s", subnet, "!", "-d", subnet, "-m", "addrtype", "!", "--dst-type", "LOCAL", "-j", "MASQUERADE"}
	if run("iptables", append([]string{"-w", "-t", "nat", "-C"}, rule...)...) == nil {
		return nil
	}
	return run("iptables", append([]string{"-w", "-t", "nat", "-A"}, rule...)...)
}

// configure writes the CNI configuration once; the container runtime watches its directory.
func configure(podCIDR string) error {
	content, err := json.Marshal(map[string]any{
		"cniVersion": "0.4.0",
		"name":       "pods",
		"plugins": []any{
			map[string]any{
				"type": "ptp", "ipMasq": false, "mtu": 1500,
				"ipam": map[string]any{
					"type":    "host-local",
					"dataDir": "/run/cni-ipam-state",
					"routes":  []any{map[string]any{"dst": "0.0.0.0/0"}},
					"ranges":  []any{[]any{map[string]any{"subnet": podCIDR}}},
				},
			},
			map[string]any{"type": "portmap", "capabilities": map[string]any{"portMappings": true}},
		},
	})
	if err != nil {
		return err
	}
	if present, err := os.ReadFile(configuration); err == nil && string(present) == string(content) {
		return nil
	}
	partial := filepath.Join(filepath.Dir(configuration), ".pods.partial")
	if err := os.WriteFile(partial, content, 0o644); err != nil {
		return err
	}
	return os.Rename(partial, configuration)
}

func run(name string, arguments ...string) error {
	output, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(arguments, " "), err, output)
	}
	return nil
}
