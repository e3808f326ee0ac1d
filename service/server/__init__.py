"""The server: gunicorn with a worker of our own, which answers on connections that stay open."""
