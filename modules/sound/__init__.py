"""Sound as bytes of files, for every face of the program."""
