"""The Celery side: an app, a base task and tasks that validate a message and call one service."""
