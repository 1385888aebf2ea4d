"""How each vendor speaks: addresses, fields, states, errors, and what differs from what its pages say."""
