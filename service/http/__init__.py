"""The web application: what surrounds a request, how it is read, which routes answer it, and the page."""
