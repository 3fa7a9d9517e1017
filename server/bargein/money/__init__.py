"""What turns cost, and how much they may cost: prices, what was spent, and caps.

Prices are US dollars. What has no price is unknown, never free.
"""

from bargein.money.caps import Caps, Scope, Standing
from bargein.money.ledger import Entry, Ledger
from bargein.money.price import Price
from bargein.money.prices import Prices

__all__ = ["Caps", "Entry", "Ledger", "Price", "Prices", "Scope", "Standing"]
