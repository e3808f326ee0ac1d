"""Who may go on, and when: the gate, turns, the floor, and the cache of sounds that need no work again."""
