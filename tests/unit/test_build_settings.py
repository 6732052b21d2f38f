"""What `pylambda build` says about the images by itself, because no checkout lies beside it, is what they are."""

from images import facts
from pylambda.local.build import settings


def test_it_knows_the_images_that_there_are() -> None:
    matrix = facts.load()
    assert tuple(python.version for python in matrix.pythons) == settings.PYTHONS
    assert matrix.default == settings.DEFAULT_PYTHON
    assert matrix.repository == settings.REPOSITORY
    assert {arch.name: arch.platform for arch in matrix.archs} == settings.PLATFORMS
