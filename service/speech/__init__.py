"""From what a caller asks for to its sound, with the measures that are taken on the way."""
