from __future__ import annotations

import numpy as np
import torch
from made_discs import quick

from papscope.seeds import stream
from papscope.train.mixing import mixed


def batch(n: int = 6, side: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of one value each, and each of a class of its own."""
    pictures = torch.arange(n, dtype=torch.float32).view(n, 1, 1, 1).expand(n, 3, side, side)
    return pictures.clone(), torch.eye(n)


def test_cutmix_gives_each_class_the_share_of_the_picture_that_it_covers() -> None:
    pictures, wanted = batch()
    shares = []
    for seed in range(40):
        both, classes = mixed(pictures, wanted, quick(cutmix=1.0), stream(seed, "cut"))
        covered = torch.stack(
            [(both[:, 0] == value).float().mean((1, 2)) for value in range(6)], dim=1
        )
        assert torch.allclose(covered, classes, atol=1e-6)
        shares.append(float(classes.max(1).values.min()))
    assert min(shares) < 0.7
    assert max(shares) > 0.9


def test_cutmix_cuts_one_rectangle_and_leaves_the_batch_itself() -> None:
    pictures, wanted = batch()
    kept = pictures.clone()

    both, _ = mixed(pictures, wanted, quick(cutmix=1.0), stream(2, "cut"))

    strange = (both != pictures).any(1).any(0)
    rows, columns = strange.any(1), strange.any(0)
    assert torch.equal(strange, rows[:, None] & columns[None, :])
    assert strange.any()
    assert torch.equal(pictures, kept)


def test_mixup_alone_draws_what_it_always_drew() -> None:
    pictures, wanted = batch()
    random = stream(5, "mixup")
    share = float(random.beta(0.4, 0.4))
    other = torch.from_numpy(random.permutation(6))

    both, classes = mixed(pictures, wanted, quick(mixup=0.4), stream(5, "mixup"))

    assert torch.equal(both, share * pictures + (1 - share) * pictures[other])
    assert torch.equal(classes, share * wanted + (1 - share) * wanted[other])


def test_with_both_each_batch_has_one_or_the_other() -> None:
    pictures, wanted = batch()
    settings = quick(mixup=1.0, cutmix=1.0)

    whole = [
        bool((both := mixed(pictures, wanted, settings, stream(seed, "mix"))[0]).eq(
            both[:, :, :1, :1]
        ).all())
        for seed in range(60)
    ]  # fmt: skip

    assert 15 < sum(whole) < 45  # a blend of two plain pictures is plain


def test_without_either_nothing_is_drawn() -> None:
    pictures, wanted = batch()
    random = stream(1, "mix")

    same, classes = mixed(pictures, wanted, quick(), random)

    assert same is pictures
    assert classes is wanted
    assert random.random() == stream(1, "mix").random()


def test_a_mixed_batch_still_sums_to_one_class_a_picture() -> None:
    pictures, wanted = batch()
    for seed in range(10):
        _, classes = mixed(pictures, wanted, quick(cutmix=0.3, mixup=0.3), stream(seed, "mix"))
        assert np.allclose(classes.sum(1), 1)
