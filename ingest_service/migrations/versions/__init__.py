"""One file a revision; the file's name is the revision's id, and names sort in order."""
