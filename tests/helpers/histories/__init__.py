"""Histories of Deployments and ReplicaSets: scripts, who plays them, and what of a history is compared.

script    what happens, step by step, on any server
scripts   the scripts, by family
state     the objects of a namespace, and what is asked of them
normal    a state and its events as lines; what is left out
bounds    what must hold at every moment of a rollout
embedded  plays a script on the embedded server in virtual time, with our controllers
real      plays scripts on a real kube-apiserver, with the real controllers or with ours
recorded  the histories of the real controllers, as committed
mutants   our controllers with one rule broken
"""
