"""One use case a module; adapters are handed in through the ports."""
