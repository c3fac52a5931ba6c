"""kind clusters for tests where nothing but package registries can be reached.

Where an engine can pull images, plain pytest-kind is all that is needed. Elsewhere `ensure_kit()` builds what
kind would download: the CLI and a node image, from Go modules and Debian packages; and `operator_image()`
builds the image that example operators run in. Both need root and a container engine.
`python -m reconcile.testing.kind` does it ahead of time and prints what it made.
"""

from reconcile.testing.kind.errors import KindUnavailableError
from reconcile.testing.kind.kit import Kit, ensure_kit
from reconcile.testing.kind.operator_image import operator_image

__all__ = ["KindUnavailableError", "Kit", "ensure_kit", "operator_image"]
