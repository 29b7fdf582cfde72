"""The command line: parse, call one service, render. Data goes to stdout, progress and errors to stderr."""
