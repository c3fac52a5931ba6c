#!/bin/bash
# Upstream's suite of kubectl commands (test/cmd) before a server that runs: upstream_commands.sh SOURCES PORT
#
# Upstream's own entry builds and starts etcd, a kube-apiserver and a kube-controller-manager first; the rest is as
# there. LEFT_OUT names the functions of the suite that are not run.
set -o errexit -o nounset -o pipefail

cd "$1"
export SECURE_API_PORT="$2" TERM=dumb
# The suite colours what it says; nobody looks.
tput() { :; }
export -f tput

source hack/lib/init.sh
source hack/lib/test.sh
source test/cmd/legacy-script.sh

for name in ${LEFT_OUT:-}; do
    eval "$name() { echo left out; }"
done

cleanup() {
    stop-proxy || true
    rm -rf "${KUBE_TEMP}"
}
kube::util::trap_add cleanup EXIT SIGINT
kube::util::ensure-temp-dir
# ~/.kube/config is nobody's.
HOME="${KUBE_TEMP}"
kube::util::ensure-gnu-sed

CONTEXT=test
kubectl config set-credentials test-admin --token admin-token
kubectl config set-cluster local --insecure-skip-tls-verify --server "https://127.0.0.1:${SECURE_API_PORT}"
kubectl config set-context "${CONTEXT}" --user test-admin --cluster local
kubectl config use-context "${CONTEXT}"
# There is no kubelet that would make its node; the annotation is there so that a manager of fields is kept.
kubectl create -f - << NODE
{
  "apiVersion": "v1",
  "kind": "Node",
  "metadata": {"name": "127.0.0.1", "annotations": {"save-managers": "true"}},
  "status": {"capacity": {"memory": "1Gi"}}
}
NODE
export SUPPORTED_RESOURCES=("*")
runTests
