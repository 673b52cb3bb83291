"""Everything that an operator or a reviewer does. The API and the command line are two thin faces of it."""

from __future__ import annotations

from gateway.assembly import Accord
from gateway.desks.backfilling import BackfillDesk
from gateway.desks.connections import ConnectionDesk
from gateway.desks.controls import ControlDesk
from gateway.desks.declarations import DeclarationDesk
from gateway.desks.desk import Desk
from gateway.desks.duplicates import DuplicateDesk
from gateway.desks.link_files import LinkFileDesk
from gateway.desks.links import LinkDesk
from gateway.desks.matches import MatchDesk
from gateway.desks.pairs import PairDesk
from gateway.desks.parity import ParityDesk
from gateway.desks.planning import PlanDesk
from gateway.desks.rates import RateDesk
from gateway.desks.retrying import RetryDesk
from gateway.desks.reviews import ReviewDesk
from gateway.signaller import Signaller


class Operations:
    """One desk per subject. Each method says what it raises; all names of pairs are keys or ids."""

    def __init__(self, accord: Accord) -> None:
        self.signaller = Signaller(accord.context, accord.temporal, accord.settings.task_queue)
        desk = Desk(accord, self.signaller)
        self.pairs = PairDesk(desk)
        self.parity = ParityDesk(desk)
        self.rates = RateDesk(desk)
        self.reviews = ReviewDesk(desk)
        self.controls = ControlDesk(desk)
        self.retrying = RetryDesk(desk)
        self.links = LinkDesk(desk)
        self.link_files = LinkFileDesk(desk)
        self.connections = ConnectionDesk(desk)
        self.matches = MatchDesk(desk)
        self.plans = PlanDesk(desk)
        self.declarations = DeclarationDesk(desk)
        self.backfills = BackfillDesk(desk)
        self.duplicates = DuplicateDesk(desk)
