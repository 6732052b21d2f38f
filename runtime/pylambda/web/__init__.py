"""HTTP events to requests and responses to results, for web apps that know nothing of Lambda."""
