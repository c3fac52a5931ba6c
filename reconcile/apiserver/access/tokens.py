"""Static tokens: kube-apiserver's `--token-auth-file`, a CSV file of token, user name, uid and groups."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from reconcile.apiserver.interfaces import User
from reconcile.errors import ConfigurationError


def parse_tokens(text: str, source: str = "the tokens") -> dict[str, User]:
    """Tokens and their users. Lines without a token are passed over; of a repeated token the last counts.

    Raises ConfigurationError where a line has fewer than three columns.

    >>> parse_tokens('secret,alice,42,"developers,testers"')["secret"].groups
    ('developers', 'testers')
    """
    found: dict[str, User] = {}
    for record in csv.reader(io.StringIO(text)):
        if not record:
            continue
        if len(record) < 3:
            raise ConfigurationError(
                f"{source} must have at least 3 columns (token, user name, user uid), found {len(record)}"
            )
        token, name, uid = record[:3]
        if token:
            found[token] = User(name, tuple(record[3].split(",")) if len(record) > 3 else (), uid)
    return found


def read_token_file(path: Path) -> dict[str, User]:
    """The tokens of a file. Raises ConfigurationError when it cannot be read."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the token file {path}: {error}") from error
    return parse_tokens(text, f"token file '{path}'")
