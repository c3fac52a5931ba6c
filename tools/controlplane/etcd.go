package main

import "go.etcd.io/etcd/server/v3/etcdmain"

// runEtcd never returns where etcd itself ends the process.
func runEtcd(arguments []string) int {
	etcdmain.Main(arguments)
	return 0
}
