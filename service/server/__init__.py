"""The server: a process that keeps all others, and those that answer, with one thread for all sockets."""
