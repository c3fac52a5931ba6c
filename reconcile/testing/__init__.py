"""Help for tests: real and embedded API servers, and what a machine must have to run them."""
