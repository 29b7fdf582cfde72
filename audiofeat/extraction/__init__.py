"""The only place where audio and features meet: a fork server, its children, and the pass over one file."""
