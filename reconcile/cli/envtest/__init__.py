"""Stand-ins for the executables that Go's envtest starts: the embedded server as its control plane.

envtest ──starts──▶ etcd (only says that it is well)
        ──starts──▶ kube-apiserver (flags ──▶ options of the embedded server)
"""
