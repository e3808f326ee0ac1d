"""The rules of the judge, one kind of fault a file."""
