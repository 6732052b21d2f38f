"""Extensions under /opt/extensions work beside our runtime as beside Amazon's: the emulator starts them."""

from pathlib import Path

import pytest

from tests.image.cli import Docker, Image, Start, until

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600)]

FUNCTION = Path(__file__).with_name("function")
DOCKERFILE = """\
FROM {image}
COPY app.py ${{LAMBDA_TASK_ROOT}}/
COPY extension.py /opt/extensions/watcher
RUN chmod 0755 /opt/extensions/watcher
CMD ["app.handler"]
"""


def test_an_extension_sees_each_invocation(image: Image, docker: Docker, start: Start) -> None:
    # Given a function's image with an extension in it
    files = {name: FUNCTION / name for name in ("app.py", "extension.py")}
    container = start(docker.build(f"extension-{image.version}", DOCKERFILE.format(image=image.tag), files))
    # When it is invoked twice
    answers = [container.invoke({"n": number}) for number in (1, 2)]
    # Then the function answered, and the extension was there each time
    assert [answer["event"] for answer in answers] == [{"n": 1}, {"n": 2}]
    until(lambda: container.logs().count("extension watcher saw INVOKE") == 2, "the extension's two lines")
    assert "extension watcher is registered" in container.logs()
    assert container.stop() < 3
