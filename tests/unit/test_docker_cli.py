"""What the image tests read out of a build, to remove it."""

from tests.image.cli import made_by_build

SAID = """\
Step 1/5 : FROM base:1 AS own
 ---> aaaaaaaaaaaa
Step 2/5 : COPY a /a
 ---> Using cache
 ---> bbbbbbbbbbbb
Step 3/5 : RUN true
 ---> Running in cccccccccccc
 ---> dddddddddddd
Step 4/5 : FROM own AS default
 ---> dddddddddddd
Step 5/5 : COPY --from=own /a /
 ---> eeeeeeeeeeee
Successfully built eeeeeeeeeeee
"""


def test_only_what_a_build_made_itself_is_its_own() -> None:
    assert made_by_build(SAID) == ["dddddddddddd", "eeeeeeeeeeee"]
