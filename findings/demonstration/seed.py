"""One seed for everything: the same hospital on every machine."""

from random import Random
from uuid import UUID

SEED = "calderwick"
# As in references of findings: nothing that is misheard on a telephone.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def seeded(*what: object) -> Random:
    """A source of chance of its own for each thing, so that a change of one moves no other."""
    return Random("|".join([SEED, *(str(one) for one in what)]))  # noqa: S311  nothing secret


def reference(number: int) -> str:
    rng = seeded("reference", number)
    return "F-" + "".join(rng.choice(LETTERS) for _ in range(10))


def public_id(*what: object) -> UUID:
    return UUID(int=seeded("id", *what).getrandbits(128), version=4)
