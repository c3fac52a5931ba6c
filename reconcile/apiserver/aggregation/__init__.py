"""Aggregation: APIServices for what is served, and requests handed on to the servers that others stand for.

registration    one APIService for each served group and version of custom kinds
remote          what is known of an APIService that names a service, and whether it is available
calls           requests to the servers behind them
aggregator      availability, discovery and proxying, as one task of the server

The rules are those of kube-aggregator.
"""
