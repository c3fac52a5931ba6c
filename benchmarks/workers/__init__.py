"""One process for each peer: all pods in a cache, with a handler, driven line by line."""
