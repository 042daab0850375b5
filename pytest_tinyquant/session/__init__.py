"""One pytest session: options, collection, fixtures."""
