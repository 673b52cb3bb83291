import pytest

from tests.connectors.conformance import Conformance
from tests.connectors.sql.house import CountedHarness, SqlHarness

pytestmark = pytest.mark.stack


class TestTablesWithStampsAndLog(Conformance):
    kind = SqlHarness


class TestTablesWithAVersionColumn(Conformance):
    kind = CountedHarness
