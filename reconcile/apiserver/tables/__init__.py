"""Tables: the columns and cells that kubectl prints.

Columns come from a real server, cells are computed here.
"""

from reconcile.apiserver.tables.renderer import TableRenderer

__all__ = ["TableRenderer"]
