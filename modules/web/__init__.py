"""What every face with an HTTP server of its own needs: sockets, the server, who may call from where."""
