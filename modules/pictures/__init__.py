"""Files of pictures to pixels, for every face of the program."""
