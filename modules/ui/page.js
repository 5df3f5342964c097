/* Runs once when the page has been built. */
() => {}
