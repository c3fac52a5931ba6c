"""`reconcile demo`.

story.py      what happens, step by step, and when a step is done; knows no terminal and no clock
scene.py      what there is: deployments, replica sets, pods, nodes, as an observer's informers see it
trace.py      everything that happened, as lines that two runs can be compared by
view.py       the live terminal view, and plain lines without a terminal
summary.py    the table at the end
command.py    puts them together on an embedded server, or on a cluster
"""
