"""Work in processes that may die: the wire to them, pools of them, who keeps them, and what they run."""
