"""Tools that a model in the chat may call: Python files of the user and MCP servers, with approval."""
