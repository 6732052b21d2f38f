"""What stands in front of a function for HTTP: a request becomes an event, a result becomes a response.

Each as the real front does it, losses included: what is lost in AWS had better be missed at home.
"""
