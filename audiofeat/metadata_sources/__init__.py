"""What third parties say about items: tables they deliver and tags in the files."""
