"""This project beside its peers on the same work, in one run on one machine. See README.md."""
