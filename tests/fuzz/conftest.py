"""How many examples a property gets: a few in the suite, always the same; more in each round of `make fuzz`."""

from hypothesis import HealthCheck, settings

EXAMPLES = 30

settings.register_profile(
    "suite",
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
settings.register_profile("round", settings.get_profile("suite"), max_examples=200, derandomize=False)
settings.load_profile("suite")
