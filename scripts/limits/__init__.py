"""Every bound of the code: where it is declared, what it bounds, and what happens when it is met."""
