"""Who owns which field: `metadata.managedFields` and server-side apply, as structured-merge-diff does it.

fieldset.py  sets of field paths and their FieldsV1 form
typed.py     walks over a value and its shape: paths, comparison, merge, removal
entries.py   managedFields entries, in and out
manager.py   what an update and an apply do to them
"""

from reconcile.apiserver.managedfields.manager import FieldManager

__all__ = ["FieldManager"]
