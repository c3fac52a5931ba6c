"""The `reconcile` command. Each subcommand imports what it needs when it runs."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script."""
    from reconcile.cli.commands import cli

    cli(prog_name="reconcile")


__all__ = ["main"]
