"""Who may go on, and what is not made twice: the ledger of what requests hold, flights, and the cache."""
