"""Names that a handler may have, and how it is found by each."""

import pytest

from tests.contract.runtime_process import Runtime

APP = "def handler(event, context):\n    return 'fine'\n"
# By handler: the function's files.
RESOLVED = {
    "app.handler": {"app.py": APP},
    "a.b.c.handler": {"a/b/c.py": APP},
    "a/b/c.handler": {"a/b/c.py": APP},
    "a/b.c.handler": {"a/b/c.py": APP},
    "pkg.handler": {"pkg/__init__.py": APP},
    "app.Orders.place": {
        "app.py": "class Orders:\n    @staticmethod\n    def place(event, context):\n        return 'fine'\n"
    },
    "app.Orders.of": {
        "app.py": "class Orders:\n    @classmethod\n    def of(cls, event, context):\n        return 'fine'\n"
    },
    "app.orders.place": {
        "app.py": "class Orders:\n    def place(self, event, context):\n        return 'fine'\norders = Orders()\n"
    },
    "app.called": {
        "app.py": "class Called:\n    def __call__(self, event, context):\n        return 'fine'\ncalled = Called()\n"
    },
    "app.partial": {
        "app.py": "import functools\ndef f(a, event, context):\n    return a\npartial = functools.partial(f, 'fine')\n"
    },
    "app.Made": {"app.py": "class Made(str):\n    def __new__(cls, event, context):\n        return 'fine'\n"},
    "app.late": {"app.py": "def __getattr__(name):\n    return {'late': lambda event, context: 'fine'}[name]\n"},
    "größe.händler": {"größe.py": "def händler(event, context):\n    return 'fine'\n"},
}


@pytest.mark.parametrize("handler", RESOLVED)
def test_a_handler_is_found_by_its_name(runtime: Runtime, handler: str) -> None:
    run = runtime.serve(handler, files=RESOLVED[handler], events=[{}])
    assert [post.json for post in run.posts] == ["fine"]
