"""Text: what a request says, made into stretches that a voice can speak and pauses between them."""
