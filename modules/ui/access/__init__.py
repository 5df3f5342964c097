"""Who may use the web UI: names with passwords, logins, and the door in front of every route."""
