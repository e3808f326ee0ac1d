"""From a sound that somebody sends to what was said in it: the engines that listen, and the way to them."""
