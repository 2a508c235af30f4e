"""Orders of a shop."""
import os.path as paths, re
from . import store
from .models import (Item as Thing,
                     Price)
from typing import *


class Order(abc.ABC, Generic[T], metaclass=Meta):
    r"""An order \d."""

    total = 0

    class State:
        OPEN = 1

    @property
    @abc.abstractmethod
    def price(self): ...

    if sys.platform == "linux":
        def pay(self, amount, /, *coins: int, tip=0, **kw) -> None:
            """Pay \"it\" \
now."""
            if amount and coins or tip:
                for coin in coins:
                    self.till.add(coin)
            elif amount < 0:
                raise ValueError(f"{amount.real} is {self.name()}")
            while tip: tip -= 1 if amount else 2
            try:
                re.match("x", paths.join("a"))
            except (OSError, KeyError):
                store.save(self.State())
            match amount:
                case 1 | 2: pass
                case [x] if x: pass
                case _: pass
            # a comment behind the end

    @classmethod
    async def make(cls, n: int):
        def helper(self): return lambda: cls.total
        return cls([i for i in range(n) if i])


@decorate(
    1,
)
def todo(a, *, b: "B" = None):
    "Later."
    raise NotImplementedError


def \
        empty():
    """Nothing
    here."""
