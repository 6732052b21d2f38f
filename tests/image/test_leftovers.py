"""What a run of these tests leaves in the engine: nothing."""

from pathlib import Path

import pytest

from tests.image.cli import Docker, DockerError, free_port, has_image, made_by_build

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(300)]

# The classic builder builds both stages and keeps the first, which nothing stands on.
STAGED = "FROM scratch AS first\nCOPY own /first\nFROM scratch\nCOPY own /second\n"
FAILS = "FROM scratch\nCOPY own /\nCOPY missing /\n"


def test_a_run_takes_with_it_what_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    # Given a run with a build in stages, one that fails half-way, and a name at a registry of its own
    run = Docker()
    (tmp_path / "own").write_text(run.run_id)
    (tmp_path / "Dockerfile").write_text(STAGED)
    (tmp_path / "fails").write_text(FAILS)
    tag, registry = run.own_tag("staged"), f"127.0.0.1:{free_port()}"
    said = run.builds("docker", "build", "--tag", tag, str(tmp_path))
    with pytest.raises(DockerError, match="missing") as failed:
        run.builds("docker", "build", "--file", str(tmp_path / "fails"), str(tmp_path))
    run.remember_registry(registry)
    run.tag(tag, f"{registry}/function:1")
    images = {*made_by_build(said), *made_by_build(str(failed.value)), f"{registry}/function:1"}
    assert len(images) == 4
    assert all(map(has_image, images))
    # When it ends
    run.remove_images()
    # Then none of it is there
    assert [image for image in images if has_image(image)] == []
