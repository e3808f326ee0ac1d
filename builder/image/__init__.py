"""What every image holds and says of itself, whichever backend makes it."""
