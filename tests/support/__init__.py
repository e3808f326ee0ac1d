"""What several tests share: tiny wheels, indexes, servers, specs and fakes."""
