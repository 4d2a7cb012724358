"""pytest puts this folder on the path: the tests import the modules in it."""
