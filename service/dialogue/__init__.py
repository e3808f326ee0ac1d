"""From what was heard to a spoken answer: who answers, and the loop that speaks meanwhile."""
