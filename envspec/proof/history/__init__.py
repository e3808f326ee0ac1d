"""What distributions had in other versions: names read off their wheels, and a table of popular ones."""
