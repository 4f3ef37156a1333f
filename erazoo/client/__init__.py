"""The tournament client: files, rounds and models in, checked submissions out.

It is the only user of numerapi; importing it loads neither numerapi nor requests.
"""

from erazoo.client.receipts import Fetched, SubmissionReceipt
from erazoo.client.tournament_client import TournamentClient

__all__ = ["Fetched", "SubmissionReceipt", "TournamentClient"]
