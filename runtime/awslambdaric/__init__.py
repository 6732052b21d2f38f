"""The official client's modules under their names, on top of this runtime.

Functions annotate with `LambdaContext`, tools load handlers with `_get_handler`, and integrations replace
`handle_event_request` and methods of `LambdaRuntimeClient` to see each invocation. All of that works here: once
`awslambdaric.bootstrap` has been imported, the runtime serves through it, so what was replaced is what runs. Before
that, nothing of this package is loaded. It has what packages in use look for, not every name of the official client's.

Source of names and signatures: awslambdaric 4.2.2, https://github.com/aws/aws-lambda-python-runtime-interface-client
"""

__version__ = "4.2.2"  # of the client that this has the shape of
