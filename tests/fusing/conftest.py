from __future__ import annotations

from pathlib import Path

import pytest
import torch
from made_masked import bundled, draw

from papscope.cutting import cut
from papscope.manifest import Manifest
from papscope.split import Split


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def cells(tmp_path: Path) -> Manifest:
    return draw(tmp_path)


@pytest.fixture
def parts(cells: Manifest) -> Split:
    return cut(cells, seed=1)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return bundled(tmp_path / "network")
