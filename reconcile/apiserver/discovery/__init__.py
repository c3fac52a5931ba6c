"""What the server serves: the built-in resources, and the discovery documents about all of them."""
