"""The rules of the built-in kinds beyond their schemas, kind by kind.

strategy_for(resource)      what happens on create, update and delete
subresources_for(resource)  status, scale, binding, …
action_for(resource)        what a POST of a review does
conversion_for(resource)    between the two forms of events, and of autoscalers
"""

from reconcile.apiserver.strategies.table import (
    action_for,
    conversion_for,
    storage_name_for,
    strategy_for,
    subresources_for,
)

__all__ = ["action_for", "conversion_for", "storage_name_for", "strategy_for", "subresources_for"]
