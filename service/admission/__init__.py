"""Who may go on, and when: the gate, turns in order, the floor, and sounds that need no work again."""
