"""What Lambda would refuse or trip over in a function, found before it is pushed."""
