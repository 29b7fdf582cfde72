"""Object storage: S3 and a local directory behind one contract."""
