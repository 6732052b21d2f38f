"""`pylambda new`: a project that runs, has a test and can be deployed."""
