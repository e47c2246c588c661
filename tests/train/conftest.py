from __future__ import annotations

from pathlib import Path

import pytest
import torch
from made_discs import draw

from papscope.cutting import cut
from papscope.manifest import Manifest
from papscope.split import Split


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def discs(tmp_path: Path) -> Manifest:
    return draw(tmp_path)


@pytest.fixture
def parts(discs: Manifest) -> Split:
    return cut(discs, seed=1)
